use std::io::Read;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::partial::Partial;
use super::source::Source;
use crate::{Progress, Unit};

const BUFFER: usize = 1 << 16;

/// Why a transfer did not complete.
pub(super) enum Failure {
    /// The server or the network, in words; another attempt or mirror may help.
    Remote(String),
    /// This machine, such as a full disk.
    Local(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::Local(source)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        Self::Remote(error.to_string())
    }
}

pub(super) fn agent(source: &Source) -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(source.answer_timeout))
        .timeout_recv_response(Some(source.answer_timeout))
        .timeout_per_read(Some(source.stall_timeout))
        .http_status_as_error(false)
        // The archive itself, not decompressed.
        .accept_encoding("identity");
    config.build().into()
}

/// Receives the missing part of `url`, up to `limit` bytes in total.
pub(super) fn transfer(
    agent: &Agent,
    url: &str,
    partial: &mut Partial,
    limit: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let offset = partial.length();
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
    }
    let response = request.call()?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response, offset) => {}
        StatusCode::OK => partial.clear()?,
        // Nothing is missing, or the file has changed, which the checksum detects.
        StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return Ok(()),
        StatusCode::PARTIAL_CONTENT => {
            return Err(Failure::Remote(
                "responded with a different range than requested".to_owned(),
            ));
        }
        status => return Err(Failure::Remote(format!("answered {status}"))),
    }
    let body = response.into_body();
    let total = body.content_length().map_or(0, |length| partial.length().saturating_add(length));
    if total > limit {
        return Err(Failure::Remote(too_large(limit)));
    }
    let name = url.rsplit('/').next().unwrap_or(url);
    crate::progress::task(progress, &format!("download {name}"), total, Unit::Bytes, || {
        progress.advance(partial.length());
        receive(body, partial, limit, progress)
    })
}

/// Whether the server sends the requested part.
fn starts_at(response: &Response<Body>, offset: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn receive(
    body: Body,
    partial: &mut Partial,
    limit: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let mut reader = body.into_reader();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| Failure::Remote(error.to_string()))?;
        if count == 0 {
            return Ok(());
        }
        if partial.length() + count as u64 > limit {
            partial.clear()?;
            return Err(Failure::Remote(too_large(limit)));
        }
        partial.append(buffer.get(..count).unwrap_or_default())?;
        progress.advance(count as u64);
    }
}

fn too_large(limit: u64) -> String {
    format!("sends more than {limit} bytes")
}
