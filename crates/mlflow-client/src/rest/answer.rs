//! What a server says.

use crate::error::{Error, Result, excerpt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::Read;
use ureq::Body;
use ureq::http::Response;

/// Longest answer that is read into memory.
const LONGEST: u64 = 512 << 20;
/// Longest refusal that is read.
const LONGEST_REFUSAL: u64 = 64 << 10;

/// MLflow's form of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error_code: String,
    #[serde(default)]
    message: String,
}

/// The body of a success, as JSON.
pub(super) fn json<T: DeserializeOwned>(response: &mut Response<Body>, url: &str) -> Result<T> {
    let bytes = read(response, LONGEST, url)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let start = String::from_utf8_lossy(bytes.get(..200).unwrap_or(&bytes));
        Error::Answer {
            url: url.to_owned(),
            expected: "JSON of MLflow's interface",
            got: format!("{error}: {}", excerpt(&start)),
        }
    })
}

/// The body of a success, as a short text.
pub(super) fn text(response: &mut Response<Body>, url: &str) -> Result<String> {
    let bytes = read(response, LONGEST_REFUSAL, url)?;
    Ok(excerpt(String::from_utf8_lossy(&bytes).trim()))
}

/// The error that a status other than success stands for.
pub(super) fn refusal(response: &mut Response<Body>, url: &str) -> Error {
    let status = response.status().as_u16();
    // A body that cannot be read makes the refusal no less a refusal.
    let bytes = read(response, LONGEST_REFUSAL, url).unwrap_or_default();
    let (code, message) = match serde_json::from_slice::<Refusal>(&bytes) {
        Ok(refusal) => (refusal.error_code, refusal.message),
        Err(_) => (
            "-".to_owned(),
            String::from_utf8_lossy(&bytes).trim().to_owned(),
        ),
    };
    Error::Server {
        url: url.to_owned(),
        status,
        code: excerpt(&code),
        message: if message.is_empty() {
            "no explanation".to_owned()
        } else {
            excerpt(&message)
        },
    }
}

fn read(response: &mut Response<Body>, limit: u64, url: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = response.body_mut().with_config().limit(limit).reader();
    reader
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::Connection {
            url: url.to_owned(),
            source: error.into(),
        })?;
    Ok(bytes)
}

/// Turns MLflow's codes for "not there" and "there already" into the errors for them.
pub(super) fn name_it<T>(result: Result<T>, what: &'static str, name: &str) -> Result<T> {
    result.map_err(|error| {
        let Error::Server { code, message, .. } = &error else {
            return error;
        };
        let name = name.to_owned();
        match code.as_str() {
            "RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND" => Error::NotFound { what, name },
            "RESOURCE_ALREADY_EXISTS" | "ALREADY_EXISTS" => Error::AlreadyExists { what, name },
            // The one thing for which MLflow has no code of its own.
            "INVALID_PARAMETER_VALUE" if what == "alias" && message.contains("not found") => {
                Error::NotFound { what, name }
            }
            _ => error,
        }
    })
}
