//! The calls of the protocol, their answers, and errors as gRPC has them.

use actix_web::web::Data;
use hyper::HeaderMap;
use tokio::time::Instant;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use crate::deployment::TrafficSplit;
use crate::error::{ApiError, Code};
use crate::grpc::message;
use crate::grpc::message::proto::grpc_inference_service_server::GrpcInferenceService;
use crate::grpc::message::proto::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    RepositoryModelLoadRequest, RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
    RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use crate::models::Models;
use crate::open_inference::request::reject_parameters;
use crate::open_inference::{InferenceModel, infer};
use crate::state::State;
use crate::upload::{READ_ERRORS, WORK_ERRORS};

/// A call that the service answers.
#[derive(Debug)]
pub(super) struct Method {
    /// Its path, which is its route in metrics and traces.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Metadata and readiness.
    Question,
    /// Running the model.
    Inference,
    /// The repository of models, for holders of the admin token.
    Repository,
}

static METHODS: [Method; 9] = [
    Method { path: "/inference.GRPCInferenceService/ServerLive", kind: Kind::Question },
    Method { path: "/inference.GRPCInferenceService/ServerReady", kind: Kind::Question },
    Method { path: "/inference.GRPCInferenceService/ServerMetadata", kind: Kind::Question },
    Method { path: "/inference.GRPCInferenceService/ModelReady", kind: Kind::Question },
    Method { path: "/inference.GRPCInferenceService/ModelMetadata", kind: Kind::Question },
    Method { path: "/inference.GRPCInferenceService/ModelInfer", kind: Kind::Inference },
    Method { path: "/inference.GRPCInferenceService/RepositoryIndex", kind: Kind::Repository },
    Method { path: "/inference.GRPCInferenceService/RepositoryModelLoad", kind: Kind::Repository },
    Method {
        path: "/inference.GRPCInferenceService/RepositoryModelUnload",
        kind: Kind::Repository,
    },
];

impl Method {
    /// The call at a path; `None` for any other path.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }
}

/// Every call with each status that it may return, in terms of HTTP.
pub(crate) fn statuses() -> impl Iterator<Item = (&'static str, u16)> {
    METHODS.iter().flat_map(|method| {
        let (work, more): (&[Code], &[Code]) = match method.kind {
            Kind::Question => (&[], &[]),
            Kind::Inference => (&WORK_ERRORS, &[Code::BadParameter]),
            Kind::Repository => {
                (&[], &[Code::BadParameter, Code::Unauthorized, Code::Internal, Code::Full])
            }
        };
        let errors = READ_ERRORS.iter().chain(&[Code::NotFound]).chain(work).chain(more);
        let statuses = errors.map(|code| code.status());
        statuses.chain([200]).map(|status| (method.path, status))
    })
}

type Answer<T> = Result<Response<T>, Status>;

/// Answers calls, whose tokens have been checked and whose deadlines are in their extensions.
pub(super) struct Service {
    pub(super) state: Data<State>,
}

impl Service {
    /// The models for a name and a version, which is empty if any will do.
    fn models(&self, name: &str, version: &str) -> Result<TrafficSplit, ApiError> {
        let version = Some(version).filter(|version| !version.is_empty());
        self.state.models.of_version(name, version)
    }

    async fn infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<ModelInferResponse, ApiError> {
        let deadline = request.extensions().get::<Instant>().copied();
        let deadline = deadline.ok_or_else(|| ApiError::new(Code::Internal, "no deadline"))?;
        let request = request.into_inner();
        let split = self.models(&request.model_name, &request.model_version)?;
        let raw = !request.raw_input_contents.is_empty();
        let read = move |rules| message::read(request, rules);
        let answer = infer(&self.state, split, deadline, 0, read).await?;
        Ok(message::write(answer, raw))
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Answer<ServerLiveResponse> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Answer<ServerReadyResponse> {
        let ready = self.state.is_ready();
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Answer<ServerMetadataResponse> {
        Ok(Response::new(message::server()))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Answer<ModelReadyResponse> {
        let ModelReadyRequest { name, version } = request.get_ref();
        // Triton's answer for an unknown model, too, is that it is not ready.
        let ready = self.state.is_ready() && self.models(name, version).is_ok();
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Answer<ModelMetadataResponse> {
        let ModelMetadataRequest { name, version } = request.get_ref();
        let model = InferenceModel::of(&self.models(name, version)?);
        Ok(Response::new(model.into()))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Answer<ModelInferResponse> {
        Ok(Response::new(self.infer(request).await?))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Answer<RepositoryIndexResponse> {
        let ready = request.get_ref().ready;
        let index = self.state.with_models(Models::index).await?.into_iter();
        let index = index.filter(|entry| entry.is_ready() || !ready);
        let models = index.map(Into::into).collect();
        Ok(Response::new(RepositoryIndexResponse { models }))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Answer<RepositoryModelLoadResponse> {
        let request = request.into_inner();
        reject_parameters(request.parameters.into_keys())?;
        let name = request.model_name;
        self.state.with_models(move |models| models.load_named(&name)).await?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Answer<RepositoryModelUnloadResponse> {
        let name = request.into_inner().model_name;
        self.state.with_models(move |models| models.unload_named(&name)).await?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }
}

/// The code of an error in the metadata of its response, with the names that HTTP has.
const ERROR_CODE: &str = "x-error-code";

/// Longest message of an error, in characters.
const MAX_MESSAGE: usize = 500;

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        // A message is a header, which clients limit to a few kilobytes, and may quote the client.
        let message: String = error.detail.chars().take(MAX_MESSAGE).collect();
        let mut status = Self::new(code(error.code), message);
        let name = MetadataValue::from_static(error.code.name());
        status.metadata_mut().insert(ERROR_CODE, name);
        status
    }
}

/// The nearest of gRPC's codes.
fn code(code: Code) -> tonic::Code {
    match code {
        Code::BadParameter
        | Code::BadRequest
        | Code::Undecodable
        | Code::UnsupportedFormat
        | Code::UnsupportedEncoding
        | Code::MissingFile => tonic::Code::InvalidArgument,
        Code::Unauthorized => tonic::Code::Unauthenticated,
        Code::CrossSite => tonic::Code::PermissionDenied,
        Code::NotFound => tonic::Code::NotFound,
        Code::MethodNotAllowed => tonic::Code::Unimplemented,
        // What gRPC's own libraries respond to a message above their limit.
        Code::TooLarge | Code::Busy | Code::Full => tonic::Code::ResourceExhausted,
        Code::UploadTimeout | Code::DeadlinePassed => tonic::Code::DeadlineExceeded,
        Code::Internal => tonic::Code::Internal,
        Code::NotReady => tonic::Code::Unavailable,
    }
}

/// How a call ended, according to its headers or trailers: gRPC's code, and the status that HTTP would have.
pub(super) fn outcome(headers: &HeaderMap) -> (tonic::Code, u16) {
    let grpc = headers.get(Status::GRPC_STATUS);
    let grpc = grpc.map_or(tonic::Code::Unknown, |code| tonic::Code::from_bytes(code.as_bytes()));
    let named = headers.get(ERROR_CODE).and_then(|name| name.to_str().ok());
    let named = Code::ALL.into_iter().find(|code| named == Some(code.name()));
    let status = match (named, grpc) {
        (Some(code), _) => code.status(),
        (None, tonic::Code::Ok) => 200,
        // tonic names the accepted encodings to a client that compresses.
        (None, tonic::Code::Unimplemented) if headers.contains_key("grpc-accept-encoding") => {
            Code::UnsupportedEncoding.status()
        }
        (None, tonic::Code::Unimplemented) => Code::NotFound.status(),
        // tonic rejects what is not a message, whatever gRPC's code for that is.
        (None, _) => Code::BadRequest.status(),
    };
    (grpc, status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_message_and_the_status_of_http() {
        for expected in Code::ALL {
            let status = Status::from(ApiError::new(expected, "what is wrong"));
            assert_eq!(status.message(), "what is wrong");
            let response = status.into_http::<()>();
            let (grpc, http) = outcome(response.headers());
            assert_eq!((grpc, http), (code(expected), expected.status()));
            assert_ne!(grpc, tonic::Code::Ok);
        }
    }

    #[test]
    fn what_tonic_rejects_is_an_error_of_the_client() {
        for (status, expected) in
            [(Status::unimplemented("unknown"), 404), (Status::internal("not a message"), 400)]
        {
            let response = status.into_http::<()>();
            assert_eq!(outcome(response.headers()).1, expected);
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let status = Status::from(ApiError::bad_parameter("\u{e4}".repeat(100_000)));
        assert_eq!(status.message().chars().count(), MAX_MESSAGE);
    }
}
