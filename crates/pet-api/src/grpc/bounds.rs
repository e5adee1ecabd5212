//! The limit on a message's fields.
//!
//! Decoding a message allocates far more for a field than its two bytes, so a small message could take all memory. The
//! fields are therefore counted first, which allocates nothing.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::error::ApiError;
use crate::open_inference::error::malformed;

/// Number of fields of a request, besides one for each image. Clients send about ten.
const MAX_FIELDS: usize = 256;

/// Bytes of a shape: those of eight numbers.
const MAX_SHAPE: usize = 80;

/// The messages whose fields are counted, as those of which there may be many.
#[derive(Clone, Copy)]
enum Message {
    Request,
    Input,
    Output,
    Contents,
}

/// Checks a request for up to this many images.
pub(super) fn check(request: &[u8], images: usize) -> Result<(), ApiError> {
    count(request, Message::Request, &mut images.saturating_add(MAX_FIELDS))
}

fn count(mut rest: &[u8], message: Message, left: &mut usize) -> Result<(), ApiError> {
    while !rest.is_empty() {
        *left = left.checked_sub(1).ok_or_else(|| malformed("there are too many fields"))?;
        let (tag, wire) = decode_key(&mut rest).map_err(malformed)?;
        if wire != WireType::LengthDelimited {
            let skipped = skip_field(wire, tag, &mut rest, DecodeContext::default());
            skipped.map_err(malformed)?;
            continue;
        }
        let length = decode_varint(&mut rest).map_err(malformed)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (field, after) =
            rest.split_at_checked(length).ok_or_else(|| malformed("it is truncated"))?;
        rest = after;
        match (message, tag) {
            (Message::Request, 5) => count(field, Message::Input, left)?,
            (Message::Request, 6) => count(field, Message::Output, left)?,
            (Message::Input, 5) => count(field, Message::Contents, left)?,
            (Message::Input, 3) if length > MAX_SHAPE => {
                return Err(malformed("a shape has too many axes"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::grpc::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
    use crate::grpc::proto::{InferTensorContents, ModelInferRequest};

    fn checked(request: &ModelInferRequest) -> Result<(), String> {
        check(&request.encode_to_vec(), 32).map_err(|error| error.to_string())
    }

    fn input(contents: InferTensorContents) -> ModelInferRequest {
        ModelInferRequest {
            inputs: vec![InferInputTensor {
                shape: vec![1, 3, 224, 224],
                contents: Some(contents),
                ..InferInputTensor::default()
            }],
            ..ModelInferRequest::default()
        }
    }

    #[test]
    fn ordinary_requests_pass() {
        checked(&ModelInferRequest::default()).unwrap();
        checked(&input(InferTensorContents {
            fp32_contents: vec![0.0; 150_528],
            bytes_contents: vec!["photograph".into(); 32],
        }))
        .unwrap();
    }

    #[test]
    fn many_small_fields_are_rejected_wherever_they_are() {
        let many_inputs = ModelInferRequest {
            inputs: vec![InferInputTensor::default(); 1000],
            ..ModelInferRequest::default()
        };
        let parameters: std::collections::HashMap<_, _> = (0..1000)
            .map(|number: u32| (number.to_string(), crate::grpc::proto::InferParameter::default()))
            .collect();
        let many_parameters = ModelInferRequest {
            outputs: vec![InferRequestedOutputTensor {
                parameters,
                ..InferRequestedOutputTensor::default()
            }],
            ..ModelInferRequest::default()
        };
        let many_elements = input(InferTensorContents {
            bytes_contents: vec!["".into(); 1000],
            ..InferTensorContents::default()
        });
        for request in [many_inputs, many_parameters, many_elements] {
            assert!(checked(&request).unwrap_err().contains("too many fields"));
        }
        let mut long_shape = input(InferTensorContents::default());
        long_shape.inputs[0].shape = vec![1; 81];
        assert!(checked(&long_shape).unwrap_err().contains("too many axes"));
    }

    proptest! {
        #[test]
        fn whatever_passes_is_small(bytes: Vec<u8>) {
            if check(&bytes, 1).is_ok() && let Ok(request) = ModelInferRequest::decode(&*bytes) {
                prop_assert!(request.inputs.len() + request.outputs.len() <= MAX_FIELDS);
            }
        }

        #[test]
        fn truncated_requests_are_rejected(cut in 0_usize..30) {
            let request = input(InferTensorContents {
                bytes_contents: vec!["a photograph that is cut".into()],
                ..InferTensorContents::default()
            });
            let bytes = request.encode_to_vec();
            prop_assert!(check(&bytes[..bytes.len() - 1 - cut], 1).is_err());
        }
    }
}
