//! The service, in the process of the target, with clients of HTTP and of gRPC on bare HTTP/2, so that any body can be sent.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::mpsc;

use bytes::Bytes;
use h2::client::SendRequest;
use pet_api::{Application, Configuration};
use pet_image::Limits;
use pet_predict::{Runtime, SearchPaths};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use ureq::Agent;

use crate::root;

/// Largest upload in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// Largest image in pixels.
const MAX_PIXELS: u64 = 1 << 18;

/// A service with the committed model and small limits, and a client of it.
pub struct Service {
    base: String,
    grpc_port: u16,
    agent: Agent,
}

impl Service {
    /// Starts the service, which runs until the process ends.
    pub fn start() -> Self {
        let paths = SearchPaths::default()
            .with_folder(root().join(".cache/onnxruntime"))
            .with_library(std::env::var_os("ORT_DYLIB_PATH").map(Into::into));
        let runtime =
            Runtime::load(&paths).expect("ONNX Runtime, which `cargo xtask setup` fetches");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            pet_api::block_on(async {
                let application = Application::build(configuration(), runtime).expect("a model");
                let ports = (application.port(), application.grpc_port());
                sender.send(ports).expect("a receiver");
                application.run_until_stopped().await.expect("a server");
            });
        });
        let (port, grpc_port) = receiver.recv().expect("a service");
        let agent = Agent::config_builder().http_status_as_error(false).build();
        Self {
            base: format!("http://127.0.0.1:{port}"),
            grpc_port: grpc_port.expect("a port for gRPC"),
            agent: agent.into(),
        }
    }

    /// Sends a body in chunks of `piece` bytes. The service may reject it or close the connection, but must not fail.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8], piece: usize) {
        let mut pieces = Pieces { body, piece };
        let mut request = self.agent.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send(ureq::SendBody::from_reader(&mut pieces));
        let Ok(mut response) = response else {
            return self.check_health();
        };
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_vec().unwrap_or_default();
        assert!(matches!(status, 200..500 | 503), "{status}: {}", String::from_utf8_lossy(&text));
    }

    fn check_health(&self) {
        let response = self.agent.get(format!("{}/health/ready", self.base)).call();
        assert_eq!(response.expect("a response").status(), 200);
    }
}

fn configuration() -> Configuration {
    Configuration {
        port: 0,
        grpc_port: Some(0),
        results: root().join("results").into(),
        workers: NonZero::<usize>::MIN,
        limits: Limits::default().with_bytes(MAX_BYTES).with_pixels(MAX_PIXELS),
        ..Configuration::default()
    }
}

/// Reads a few bytes at a time.
struct Pieces<'a> {
    body: &'a [u8],
    piece: usize,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.piece.clamp(1, buffer.len().max(1));
        self.body.read(&mut buffer[..length])
    }
}

/// A service with gRPC, and a connection to it.
pub struct Caller {
    service: Service,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    connection: Option<SendRequest<Bytes>>,
}

impl Caller {
    /// Starts the service, which runs until the process ends.
    pub fn start() -> Self {
        let service = Service::start();
        Self {
            address: ([127, 0, 0, 1], service.grpc_port).into(),
            service,
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
            connection: None,
        }
    }

    /// Makes a call. The service may reject it or close the connection, but must not fail.
    pub fn call(&mut self, method: &str, body: Bytes) {
        let connection = self.connection.take();
        let called = call(connection, self.address, method, body);
        match self.runtime.block_on(called) {
            Ok((connection, error)) => {
                assert_ne!(error.as_deref(), Some("internal"), "{method}");
                self.connection = Some(connection);
            }
            Err(_) => self.service.check_health(),
        }
    }
}

/// Makes a call on a connection, by default a new one, and returns the name of the service's error.
async fn call(
    connection: Option<SendRequest<Bytes>>,
    address: SocketAddr,
    method: &str,
    body: Bytes,
) -> Result<(SendRequest<Bytes>, Option<String>), h2::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => {
            let stream = TcpStream::connect(address).await.expect("a service");
            let (client, connection) = h2::client::handshake(stream).await?;
            tokio::spawn(connection);
            client
        }
    };
    let mut client = connection.ready().await?;
    let path = format!("http://localhost/inference.GRPCInferenceService/{method}");
    let request = http::Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a request");
    let (response, mut stream) = client.send_request(request, false)?;
    // The service may refuse the call before it has read all of it.
    let _ = stream.send_data(body, true);
    let (head, mut body) = response.await?.into_parts();
    while let Some(chunk) = body.data().await {
        body.flow_control().release_capacity(chunk?.len())?;
    }
    let trailers = body.trailers().await?;
    let end = trailers.as_ref().unwrap_or(&head.headers);
    let error = end.get("x-error-code").and_then(|name| name.to_str().ok());
    Ok((client, error.map(str::to_owned)))
}
