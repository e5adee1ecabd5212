//! Photographs in a multipart form.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use futures_util::StreamExt as _;

use super::Photograph;
use super::memory::Memory;
use crate::error::{ApiError, Code};

/// The name of the field with the photograph.
const FIELD: &str = "file";

/// Bytes around the photograph that are allowed beyond its own limit: boundaries, headers, other
/// small fields.
pub(super) const AROUND: u64 = 64 << 10;

/// Reads the fields `file`, at most `most`; further ones and other fields are passed over.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
    limit: u64,
    memory: &Memory,
) -> Result<Vec<Photograph>, ApiError> {
    let mut form = Multipart::new(request.headers(), payload);
    let mut photographs = Vec::new();
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|error| malformed(&error))?;
        if field.name() == Some(FIELD) && photographs.len() < most {
            photographs.push(photograph(field, limit, memory).await?);
        } else {
            pass_over(&mut field).await?;
        }
    }
    Ok(photographs)
}

/// Reads one photograph. Too large a one is passed over, so that those behind it can be read.
async fn photograph(mut field: Field, limit: u64, memory: &Memory) -> Result<Photograph, ApiError> {
    let name = file_name(&field);
    let mut body = memory.body(limit);
    while let Some(chunk) = field.next().await {
        match body.push(&chunk.map_err(|error| malformed(&error))?) {
            Ok(()) => {}
            Err(error) if error.code == Code::TooLarge => {
                drop(body);
                pass_over(&mut field).await?;
                let body = Err(error);
                return Ok(Photograph { name, body });
            }
            Err(error) => return Err(error),
        }
    }
    let body = Ok(body.finish());
    Ok(Photograph { name, body })
}

async fn pass_over(field: &mut Field) -> Result<(), ApiError> {
    while let Some(chunk) = field.next().await {
        chunk.map_err(|error| malformed(&error))?;
    }
    Ok(())
}

fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    if let Some(extended) = disposition.get_filename_ext() {
        return Some(String::from_utf8_lossy(&extended.value).into_owned());
    }
    disposition.get_filename().map(ToOwned::to_owned)
}

fn malformed(error: &MultipartError) -> ApiError {
    ApiError::new(
        Code::BadRequest,
        format!("the multipart body cannot be read: {error}"),
    )
}
