//! Errors as gRPC has them.

use hyper::HeaderMap;
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::error::{ApiError, Code};

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
