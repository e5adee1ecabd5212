//! The threads that move bytes.

use std::io::Result;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};

use crate::middleware::{access, cross_origin, refusals, security_headers};
use crate::openapi::Document;
use crate::route;
use crate::state::State;

/// Threads that move bytes. They do no work, so more would only compete with the workers.
const THREADS: usize = 2;

/// Most time for the head of a request to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// Time for a closed connection to be taken leave of.
const LEAVE: Duration = Duration::from_secs(2);

/// Time that a connection without a request is kept: longer than the 60 seconds after which
/// proxies usually close theirs, so that none closes just when they send.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Answers what comes to the listener.
pub(crate) fn start(listener: TcpListener, state: Data<State>) -> Result<Server> {
    let grace = state.configuration.grace.as_secs();
    let head = state.configuration.request_timeout.min(HEAD);
    let document = Data::new(Document::of(&*route::TOPICS));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(document.clone())
            .configure(route::configure)
            .wrap(cross_origin())
            .wrap(from_fn(refusals))
            .wrap(security_headers())
            .wrap(from_fn(access))
    });
    let server = server
        .workers(THREADS)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(head)
        .client_disconnect_timeout(LEAVE)
        // A client that has closed its side has gone; its request is dropped.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(grace)
        .listen(listener)?;
    Ok(server.run())
}
