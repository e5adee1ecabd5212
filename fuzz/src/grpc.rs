//! A client of gRPC on bare HTTP/2, so that any body can be sent.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::Service;

/// A service with gRPC, and a connection to it.
pub struct Caller {
    service: Service,
    address: SocketAddr,
    runtime: Runtime,
    connection: Option<SendRequest<Bytes>>,
}

impl Caller {
    /// Starts the service, which runs until the process ends.
    pub fn start() -> Self {
        let service = Service::start();
        Self {
            address: ([127, 0, 0, 1], service.grpc_port()).into(),
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
