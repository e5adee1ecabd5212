//! Sending requests, with credentials and retries, and reading the answers.

use super::request::{Failure, Payload, Request, delay, retry_after};
use crate::config::{Credentials, HttpOptions, OnWaiting, Secret, Waiting};
use crate::error::{Error, Result, excerpt};
use crate::location::{Uri, public};
use crate::store::Page;
use base64::Engine as _;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use ureq::http::{Response, header};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, SendBody, Timeout};

/// Servers close idle connections after 5 s (uvicorn); a shorter life here avoids the race.
const IDLE: Duration = Duration::from_secs(4);
/// Silence of the server after which `on_waiting` is called.
const PATIENCE: Duration = Duration::from_secs(2);
/// Maximum size of an answer that is read into memory.
const MAX_ANSWER: u64 = 512 << 20;
/// Maximum size of an error's explanation that is read.
const MAX_EXPLANATION: u64 = 64 << 10;

/// A connection to one server.
pub(super) struct Transport {
    agent: Agent,
    base: String,
    authorization: Option<Secret>,
    options: HttpOptions,
    reported: Once,
}

impl Transport {
    pub(super) fn new(base: &str, options: &HttpOptions) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("mlflow-client-rust/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(options.timeout))
            .timeout_recv_response(Some(options.timeout))
            .timeout_per_read(Some(options.timeout))
            .timeout_per_write(Some(options.timeout))
            .max_idle_age(IDLE)
            // The default would read the environment.
            .proxy(None)
            .tls_config(tls(options)?)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            authorization: authorization(&options.credentials),
            options: options.clone(),
            reported: Once::new(),
        })
    }

    /// Sends a request and reads one field of the JSON that comes back.
    pub(super) fn fetch<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        field: &str,
    ) -> Result<T> {
        self.json(request, |fields| match fields.get(field) {
            Some(raw) => serde_json::from_str(raw.get()),
            None => Err(serde_json::Error::custom(format_args!("no field `{field}`"))),
        })
    }

    /// Sends a request and reads one page of a list, whose field is absent when it is empty.
    pub(super) fn fetch_page<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        field: &str,
    ) -> Result<Page<T>> {
        self.json(request, |fields| {
            let items = fields.get(field).map(|raw| serde_json::from_str(raw.get()));
            let next = fields.get("next_page_token").map(|raw| serde_json::from_str(raw.get()));
            let next: Option<String> = next.transpose()?.flatten();
            Ok(Page {
                items: items.transpose()?.unwrap_or_default(),
                next: next.filter(|token| !token.is_empty()),
            })
        })
    }

    /// Sends a request and ignores the JSON that comes back.
    pub(super) fn execute(&self, request: &Request<'_>) -> Result<()> {
        let (url, bytes) = (self.url(request), self.bytes(request, MAX_ANSWER)?);
        let parsed = serde_json::from_slice::<IgnoredAny>(&bytes);
        parsed.map(|_| ()).map_err(|error| not_mlflow(url, &bytes, &error))
    }

    /// Sends a request and reads a short text.
    pub(super) fn fetch_text(&self, request: &Request<'_>) -> Result<String> {
        let bytes = self.bytes(request, MAX_EXPLANATION)?;
        Ok(excerpt(String::from_utf8_lossy(&bytes).trim()))
    }

    fn json<T>(
        &self,
        request: &Request<'_>,
        parse: impl FnOnce(&HashMap<String, &RawValue>) -> serde_json::Result<T>,
    ) -> Result<T> {
        let bytes = self.bytes(request, MAX_ANSWER)?;
        let parsed = serde_json::from_slice(&bytes).and_then(|fields| parse(&fields));
        parsed.map_err(|error| not_mlflow(self.url(request), &bytes, &error))
    }

    fn bytes(&self, request: &Request<'_>, limit: u64) -> Result<Vec<u8>> {
        read(&mut self.send(request)?, limit)
            .map_err(|error| Error::Connection { url: self.url(request), source: error.into() })
    }

    /// The address of a request for errors, without the query, which may be confidential.
    fn url(&self, request: &Request<'_>) -> String {
        let path = request.path.split('?').next().unwrap_or_default();
        public(&format!("{}{path}", self.base))
    }

    /// `host:port` of the server.
    pub(super) fn authority(&self) -> &str {
        Uri::split(&self.base).map_or("", |uri| uri.host)
    }

    /// Sends a request, with retries, and returns a successful answer. Calls `on_waiting` once if the server is slow.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Response<Body>> {
        let Some(OnWaiting(report)) =
            self.options.on_waiting.filter(|_| !self.reported.is_completed())
        else {
            return self.send_with_retries(request);
        };
        let waiting = Waiting {
            server: public(&self.base),
            waited: PATIENCE,
            attempts: request.retry.attempts(&self.options),
            timeout: self.options.timeout,
        };
        let report = || self.reported.call_once(|| report(&waiting));
        watch(PATIENCE, report, || self.send_with_retries(request))
    }

    fn send_with_retries(&self, request: &Request<'_>) -> Result<Response<Body>> {
        let mut number = 0;
        loop {
            let (failure, wait, error) = match self.send_once(request)? {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(mut response) => {
                    let status = Failure::Status(response.status().as_u16());
                    let header = response.headers().get(header::RETRY_AFTER);
                    let wait = retry_after(header.and_then(|value| value.to_str().ok()));
                    let error = status_error(&mut response, request, self.url(request));
                    (status, wait, error)
                }
                Err(source) => {
                    let failure = failure(&source);
                    let (url, source) = (self.url(request), source.into());
                    (failure, None, Error::Connection { url, source })
                }
            };
            number += 1;
            if number > self.options.max_retries || !request.retry.allows(failure) {
                return Err(error);
            }
            let mut jitter = [0];
            // Without random bytes all clients wait equally long, which is harmless.
            let _ = getrandom::fill(&mut jitter);
            std::thread::sleep(delay(&self.options, number, wait, jitter[0]));
        }
    }

    /// The outer error is local (a file that cannot be read), the inner one is the network's.
    fn send_once(
        &self,
        request: &Request<'_>,
    ) -> Result<std::result::Result<Response<Body>, ureq::Error>> {
        let mut builder = ureq::http::Request::builder()
            .method(&request.method)
            .uri(format!("{}{}", self.base, request.path));
        if let Some(authorization) = &self.authorization {
            builder = builder.header(header::AUTHORIZATION, authorization.reveal());
        }
        let sent = match &request.payload {
            Payload::Empty => builder.body(()).map(|request| self.agent.run(request)),
            Payload::Json(value) => builder
                .header(header::CONTENT_TYPE, "application/json")
                .body(value.to_string())
                .map(|request| self.agent.run(request)),
            Payload::File(content, media_type) => {
                let (mut reader, length) = content.open()?;
                builder
                    .header(header::CONTENT_TYPE, *media_type)
                    .header(header::CONTENT_LENGTH, length)
                    .body(SendBody::from_reader(&mut reader))
                    .map(|request| self.agent.run(request))
            }
        };
        Ok(sent.unwrap_or_else(|error| Err(ureq::Error::Http(error))))
    }
}

/// Does the work, and calls `report` if it takes longer than `patience`.
fn watch<T>(patience: Duration, report: impl FnOnce() + Send, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (working, watched) = channel::<()>();
        scope.spawn(move || {
            if watched.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                report();
            }
        });
        let result = work();
        // A closed channel ends the watcher.
        drop(working);
        result
    })
}

fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Failure::Unsent,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Failure::Unsent
        }
        _ => Failure::Broken,
    }
}

/// The error of an unsuccessful status. MLflow's codes for "does not exist" and "already exists"
/// become [`Error::NotFound`] and [`Error::AlreadyExists`].
fn status_error(response: &mut Response<Body>, request: &Request<'_>, url: String) -> Error {
    #[derive(Deserialize)]
    struct Answer {
        error_code: String,
        #[serde(default)]
        message: String,
    }
    // The status alone is an error, even if its explanation cannot be read.
    let bytes = read(response, MAX_EXPLANATION).unwrap_or_default();
    let answer = serde_json::from_slice(&bytes).unwrap_or_else(|_| Answer {
        error_code: "-".to_owned(),
        message: String::from_utf8_lossy(&bytes).trim().to_owned(),
    });
    if let Some((what, name)) = &request.subject {
        let (what, name) = (*what, name.clone());
        match answer.error_code.as_str() {
            "RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND" => return Error::NotFound { what, name },
            "RESOURCE_ALREADY_EXISTS" | "ALREADY_EXISTS" => {
                return Error::AlreadyExists { what, name };
            }
            // The one thing for which MLflow has no code of its own.
            "INVALID_PARAMETER_VALUE"
                if what == "alias" && answer.message.contains("not found") =>
            {
                return Error::NotFound { what, name };
            }
            _ => {}
        }
    }
    let message = Some(answer.message).filter(|message| !message.is_empty());
    Error::Server {
        url,
        status: response.status().as_u16(),
        code: excerpt(&answer.error_code),
        message: excerpt(message.as_deref().unwrap_or("no explanation")),
    }
}

fn not_mlflow(url: String, bytes: &[u8], error: &serde_json::Error) -> Error {
    let start = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes));
    let got = format!("{error}: {}", excerpt(&start));
    Error::Answer { url, expected: "JSON of MLflow's interface", got }
}

fn read(response: &mut Response<Body>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = response.body_mut().with_config().limit(limit).reader();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn authorization(credentials: &Credentials) -> Option<Secret> {
    match credentials {
        Credentials::None => None,
        Credentials::Token(token) => Some(Secret::new(format!("Bearer {}", token.reveal()))),
        Credentials::Basic { user, password } => {
            let pair = format!("{user}:{}", password.reveal());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            Some(Secret::new(format!("Basic {encoded}")))
        }
    }
}

fn tls(options: &HttpOptions) -> Result<TlsConfig> {
    let unreadable = |path: &Path| Error::Setting {
        name: "a certificate's path",
        expected: "a file with PEM blocks",
        value: path.display().to_string(),
    };
    let mut config = TlsConfig::builder().disable_verification(options.insecure_tls);
    if let Some(path) = &options.server_certificate {
        let pem = fs_err::read(path)?;
        let found: Vec<_> = certificates(&pem).collect();
        if found.is_empty() {
            return Err(unreadable(path));
        }
        config = config.root_certs(RootCerts::new_with_certs(&found));
    }
    if let Some(path) = &options.client_certificate {
        let pem = fs_err::read(path)?;
        let chain: Vec<_> = certificates(&pem).collect();
        let key = PrivateKey::from_pem(&pem).map_err(|_| unreadable(path))?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(pem: &[u8]) -> impl Iterator<Item = Certificate<'static>> {
    ureq::tls::parse_pem(pem).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_work_is_reported() {
        let (sender, receiver) = channel();
        let long = || receiver.recv().unwrap();
        assert_eq!(watch(Duration::ZERO, || sender.send("slow").unwrap(), long), "slow");
        let never = || panic!("reported work that was done at once");
        assert_eq!(watch(Duration::from_secs(3600), never, || 5), 5);
    }
}
