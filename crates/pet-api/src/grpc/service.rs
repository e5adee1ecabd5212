//! The answers to calls.

use actix_web::web::Data;
use tonic::{Request, Response, Status};

use crate::error::{ApiError, Code};
use crate::grpc::message;
use crate::grpc::proto::grpc_inference_service_server::GrpcInferenceService;
use crate::grpc::proto::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    RepositoryModelLoadRequest, RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
    RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use crate::open_inference::error::reject_parameters;
use crate::open_inference::metadata::InferenceModel;
use crate::open_inference::run::infer;
use crate::state::State;
use crate::traffic_split::TrafficSplit;
use crate::upload::Deadline;

type Answer<T> = Result<Response<T>, Status>;

/// Answers calls, whose tokens have been checked and whose deadlines are in their extensions.
pub(super) struct Service {
    state: Data<State>,
}

impl Service {
    pub(super) fn new(state: Data<State>) -> Self {
        Self { state }
    }

    /// The models for a name and a version, which is empty if any will do.
    fn models(&self, name: &str, version: &str) -> Result<TrafficSplit, ApiError> {
        let version = Some(version).filter(|version| !version.is_empty());
        self.state.models.of_version(name, version)
    }

    async fn infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<ModelInferResponse, ApiError> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let deadline = deadline.ok_or_else(|| ApiError::new(Code::Internal, "no deadline"))?;
        let request = request.into_inner();
        let split = self.models(&request.model_name, &request.model_version)?;
        let raw = !request.raw_input_contents.is_empty();
        let read = move |rules| message::read(request, rules);
        let inferred = infer(&self.state, split, deadline, 0, read).await?;
        Ok(message::write(inferred, raw))
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
        let index = self.state.index().await?.into_iter();
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
        self.state.load(request.model_name).await?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Answer<RepositoryModelUnloadResponse> {
        let name = request.into_inner().model_name;
        self.state.unload(name).await?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }
}
