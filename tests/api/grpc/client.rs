//! A client of gRPC on bare HTTP/2, so that invalid calls can be made as well.

use std::net::SocketAddr;
use std::time::Duration;

use h2::client::SendRequest;
use hyper::HeaderMap;
use hyper::body::Bytes;
use prost::Message;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address;
use crate::support::Service;

/// Far longer than any call takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A call to be made.
#[derive(Clone)]
pub(super) struct Call {
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    is_complete: bool,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Reply {
    /// gRPC's code.
    pub(super) code: u32,
    /// The message of an error, with percent signs.
    pub(super) error: String,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

/// A call of the protocol's service.
pub(super) fn call(method: &str, message: &impl Message) -> Call {
    let message = message.encode_to_vec();
    let length = (message.len() as u32).to_be_bytes();
    let call = Call::at(&format!("/inference.GRPCInferenceService/{method}"));
    call.body(&[&[0], &length[..], &message].concat())
}

impl Call {
    /// A call without a body.
    pub(super) fn at(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            headers: vec![("content-type", "application/grpc".into()), ("te", "trailers".into())],
            body: Vec::new(),
            is_complete: true,
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Leaves the end of the body out.
    pub(super) fn incomplete(mut self) -> Self {
        self.is_complete = false;
        self
    }

    /// Makes the call on a connection of its own.
    pub(super) fn send(&self, service: &Service) -> Reply {
        let address = address(service);
        pet_api::block_on(async {
            let client = connect(address).await;
            let reply = timeout(TIMEOUT, self.send_on(client)).await;
            reply.unwrap().unwrap()
        })
    }

    /// Makes the call on a connection.
    pub(super) async fn send_on(&self, client: SendRequest<Bytes>) -> Result<Reply, h2::Error> {
        let uri = format!("http://localhost{}", self.path);
        let mut request = hyper::Request::post(uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut client = client.ready().await?;
        let (response, mut stream) = client.send_request(request.body(()).unwrap(), false)?;
        // The service may refuse the call before it has read all of it.
        let _ = stream.send_data(self.body.clone().into(), self.is_complete);
        let (head, mut body) = response.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            bytes.extend_from_slice(&chunk);
            body.flow_control().release_capacity(chunk.len())?;
        }
        let trailers = body.trailers().await?;
        let end = trailers.as_ref().unwrap_or(&head.headers);
        let text = |name| end.get(name).map(|value| value.to_str().unwrap().to_owned());
        Ok(Reply {
            code: text("grpc-status").unwrap().parse().unwrap(),
            error: text("grpc-message").unwrap_or_default().replace("%20", " "),
            headers: head.headers,
            body: bytes,
        })
    }
}

/// Opens a connection.
pub(super) async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Reply {
    /// The message of a successful call.
    #[track_caller]
    pub(super) fn ok<T: Message + Default>(&self) -> T {
        assert_eq!(self.code, 0, "{}", self.error);
        let (prefix, message) = self.body.split_at(5);
        let length = (message.len() as u32).to_be_bytes();
        assert_eq!(prefix, [&[0], &length[..]].concat());
        T::decode(message).unwrap()
    }

    /// Checks the code of an error, and words in its message.
    #[track_caller]
    pub(super) fn error(&self, code: tonic::Code, words: &str) {
        assert_eq!(tonic::Code::from(self.code as i32), code, "{}", self.error);
        assert!(self.error.contains(words), "{words}: {}", self.error);
        assert!(self.body.is_empty());
    }
}
