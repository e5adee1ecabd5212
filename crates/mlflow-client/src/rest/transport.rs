//! Sending requests, with credentials and patience.

use super::answer;
use super::options::{Credentials, HttpOptions, Secret};
use super::retry::{Failure, Repeat, may_repeat, retry_after, wait};
use crate::artifact::Content;
use crate::error::{Error, Result, without_credentials};
use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::io;
use std::time::Duration;
use ureq::http::{Method, Response, header};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, SendBody};

/// Servers close idle connections after 5 s (uvicorn); a shorter life here avoids the race.
const IDLE: Duration = Duration::from_secs(4);

/// One request, in a form that can be sent again.
pub(super) struct Request<'a> {
    method: Method,
    /// From the root of the server, percent-encoded, with the query.
    path: String,
    payload: Payload<'a>,
    repeat: Repeat,
}

enum Payload<'a> {
    Nothing,
    Json(Value),
    File(Content<'a>, &'static str),
}

impl<'a> Request<'a> {
    fn new(method: Method, path: &str, payload: Payload<'a>) -> Self {
        Self {
            method,
            path: path.to_owned(),
            payload,
            repeat: Repeat::Always,
        }
    }

    pub(super) fn get(path: &str) -> Self {
        Self::new(Method::GET, path, Payload::Nothing)
    }

    pub(super) fn post(path: &str, body: Value) -> Self {
        Self::new(Method::POST, path, Payload::Json(body))
    }

    pub(super) fn patch(path: &str, body: Value) -> Self {
        Self::new(Method::PATCH, path, Payload::Json(body))
    }

    pub(super) fn delete(path: &str, body: Value) -> Self {
        Self::new(Method::DELETE, path, Payload::Json(body))
    }

    pub(super) fn put(path: &str, content: Content<'a>, media_type: &'static str) -> Self {
        Self::new(Method::PUT, path, Payload::File(content, media_type))
    }

    /// Adds a pair to the query.
    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        self.path = format!("{}{sign}{key}={value}", self.path);
        self
    }

    /// It makes an entity: repeat it only if the server has not seen it.
    pub(super) fn creating(mut self) -> Self {
        self.repeat = Repeat::IfUnseen;
        self
    }

    /// Give up at the first failure.
    pub(super) fn once(mut self) -> Self {
        self.repeat = Repeat::Never;
        self
    }
}

/// A connection to one server.
pub(super) struct Transport {
    agent: Agent,
    base: String,
    authorization: Option<Secret>,
    options: HttpOptions,
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
            // Otherwise the environment would be asked.
            .proxy(None)
            .tls_config(tls(options)?)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            authorization: authorization(&options.credentials),
            options: options.clone(),
        })
    }

    /// The address of a request as it is shown in errors: without the query, which may hold
    /// whatever was searched for.
    pub(super) fn url(&self, request: &Request<'_>) -> String {
        let path = request.path.split('?').next().unwrap_or_default();
        without_credentials(&format!("{}{path}", self.base))
    }

    /// `host:port` of the server.
    pub(super) fn authority(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Sends a request, again where that may help, and returns the answer if it says success.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Response<Body>> {
        let mut number = 0;
        loop {
            let (failure, asked, error) = match self.send_once(request)? {
                Ok(mut response) => {
                    let status = response.status().as_u16();
                    if response.status().is_success() {
                        return Ok(response);
                    }
                    let header = response.headers().get(header::RETRY_AFTER);
                    let asked = retry_after(header.and_then(|value| value.to_str().ok()));
                    let error = answer::refusal(&mut response, &self.url(request));
                    (Failure::Status(status), asked, error)
                }
                Err(error) => (failure(&error), None, self.connection(request, error)),
            };
            number += 1;
            if number > self.options.max_retries || !may_repeat(request.repeat, failure) {
                return Err(error);
            }
            let mut chance = [0];
            // Without chance all clients wait equally long, which is no reason to give up.
            let _ = getrandom::fill(&mut chance);
            std::thread::sleep(wait(&self.options, number, asked, chance[0]));
        }
    }

    /// The outer result is about this side (a file that cannot be read), the inner one about the
    /// network.
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
        let typed = header::CONTENT_TYPE;
        let sent = match &request.payload {
            Payload::Nothing => builder.body(()).map(|request| self.agent.run(request)),
            Payload::Json(value) => builder
                .header(typed, "application/json")
                .body(value.to_string())
                .map(|request| self.agent.run(request)),
            Payload::File(content, media_type) => {
                let (mut reader, length) = content.open()?;
                builder
                    .header(typed, *media_type)
                    .header(header::CONTENT_LENGTH, length)
                    .body(SendBody::from_reader(&mut reader))
                    .map(|request| self.agent.run(request))
            }
        };
        Ok(sent.unwrap_or_else(|error| Err(ureq::Error::Http(error))))
    }

    fn connection(&self, request: &Request<'_>, error: ureq::Error) -> Error {
        Error::Connection {
            url: self.url(request),
            source: error.into(),
        }
    }
}

fn failure(error: &ureq::Error) -> Failure {
    use ureq::Timeout;
    let unsent = match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    };
    if unsent {
        Failure::Unsent
    } else {
        Failure::Broken
    }
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
    let unreadable = |path: &std::path::Path| Error::Setting {
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
