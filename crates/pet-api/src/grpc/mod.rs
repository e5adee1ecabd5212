//! The Open Inference Protocol over gRPC, on a port of its own.
//!
//! ```text
//! connection ── Server ──▶ call ── read within the limits ──▶ service ── message ──▶ open_inference
//! ```
//!
//! What a request means is in [`open_inference`](crate::open_inference), as for HTTP. Here are only its form, and what the
//! routes, extractors and middleware do for HTTP: limits, token, deadline, traces, metrics and log.

mod call;
mod message;
mod service;

use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use actix_web::web::Data;
use futures_util::future::{Either, select};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

pub(crate) use service::statuses;

use crate::configuration::Configuration;
use crate::grpc::call::Calls;
use crate::server::{HEAD_TIMEOUT, KEEP_ALIVE};
use crate::state::State;

/// Number of connections; further ones wait to be accepted.
const CONNECTIONS: u32 = 256;

/// Number of calls in progress on a connection; clients hold back further ones.
const STREAMS: u32 = 64;

/// Bytes that a client may send ahead of the service's reading, on a stream or a connection.
const WINDOW: u32 = 256 << 10;

/// Time after a failure to accept a connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Server {
    listener: tokio::net::TcpListener,
    port: u16,
    state: Data<State>,
}

impl Server {
    /// A server for connections to a listener. Must be called inside [`block_on`](crate::block_on).
    pub(crate) fn new(listener: TcpListener, state: Data<State>) -> io::Result<Self> {
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        Ok(Self { listener: tokio::net::TcpListener::from_std(listener)?, port, state })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Serves connections until the service is stopped, then finishes the calls in progress within the grace period.
    pub(crate) async fn run(self) {
        let Self { listener, state, .. } = self;
        let (grace, stopped) = (state.configuration.grace, state.stopped.clone());
        let slots = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let calls = Calls::new(state);
        let accept = async {
            loop {
                let Ok(slot) = slots.clone().acquire_owned().await else {
                    return;
                };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(serve(calls.clone(), stream, slot));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection for gRPC cannot be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        select(pin!(accept), pin!(stopped.cancelled())).await;
        drop(listener);
        let _ = timeout(grace, slots.acquire_many(CONNECTIONS)).await;
    }
}

/// Serves a connection. It is closed when no call has started for longer than any call may take: then its client is
/// idle, has not said a word of HTTP/2, or does not read the responses.
async fn serve(calls: Calls, stream: TcpStream, _slot: OwnedSemaphorePermit) {
    // Otherwise a small response could wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let Configuration { request_timeout, grace, .. } = calls.state.configuration;
    let stopped = calls.state.stopped.clone();
    let started = Arc::new(AtomicU64::new(0));
    let counter = started.clone();
    let service = service_fn(move |request| {
        counter.fetch_add(1, Relaxed);
        calls.clone().answer(request)
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let (mut before, mut wait) = (0, HEAD_TIMEOUT.min(request_timeout));
    loop {
        let stopped = pin!(timeout(wait, stopped.cancelled()));
        match select(&mut connection, stopped).await {
            Either::Left(_) => return,
            Either::Right((Ok(()), _)) => break,
            Either::Right((Err(_), _)) => {
                let now = started.load(Relaxed);
                if now == before {
                    break;
                }
                (before, wait) = (now, KEEP_ALIVE.max(request_timeout));
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    // An error means that the client closed the connection.
    let _ = timeout(grace, connection).await;
}
