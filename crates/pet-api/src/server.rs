//! The HTTP server.

use std::io::Result;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};

use crate::middleware::{access, cross_origin, json_errors, security_headers};
use crate::openapi::Document;
use crate::route;
use crate::state::State;

/// I/O threads. They do no computation, so more of them would only compete with the workers.
const IO_THREADS: usize = 2;

/// Longest time for the head of a request to arrive.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a connection to shut down.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longer than the usual 60 seconds of proxies, so that the proxy closes an idle connection first and never sends into one
/// that is being closed.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Starts the server on a listener.
pub(crate) fn start(listener: TcpListener, state: Data<State>) -> Result<Server> {
    let grace = state.configuration.grace.as_secs();
    let head = state.configuration.request_timeout.min(HEAD_TIMEOUT);
    let document = Data::new(Document::of(&*route::TOPICS));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(document.clone())
            .configure(route::configure)
            .wrap(cross_origin())
            .wrap(from_fn(json_errors))
            .wrap(security_headers())
            .wrap(from_fn(access))
    });
    let server = server
        .workers(IO_THREADS)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(head)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // A client that has closed its side counts as disconnected, and its request is dropped.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(grace)
        .listen(listener)?;
    Ok(server.run())
}
