//! The service as a whole.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::rt::System;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use pet_predict::{Options, Runtime};

use crate::metrics::Metrics;
use crate::served::{Served, Slot};
use crate::state::State;
use crate::worker::{Queue, start};
use crate::{Configuration, Error, route};

/// Threads that move bytes. They do no work, so more would only compete with the workers.
const IO_THREADS: usize = 2;

/// Time for the head of a request to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a closed connection to be taken leave of.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that a connection without a request is kept. Longer than between a page's requests,
/// shorter than what proxies keep.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A service that listens, with a model loaded, and waits to be run.
pub struct Application {
    port: u16,
    server: Server,
    state: Data<State>,
    workers: Vec<JoinHandle<()>>,
}

/// Stops a running [`Application`] from any thread.
#[derive(Clone)]
pub struct Handle {
    server: ServerHandle,
    state: Data<State>,
}

impl Application {
    /// Loads the model, starts the workers and listens. Must be called inside [`block_on`].
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Listen`] or [`Error::Worker`].
    pub fn build(configuration: Configuration, runtime: Runtime) -> Result<Self, Error> {
        let metrics = Arc::new(Metrics::default());
        let workers = configuration.workers.get();
        let options = Options {
            image: configuration.limits,
            ..Options::default()
        };
        let served = Served::load(&runtime, &configuration.results, &options, 0)
            .map_err(|source| Error::Model { source })?;
        let slot = Arc::new(Slot::new(served));
        let listener = listen(&configuration)?;
        let port = listener
            .local_addr()
            .map_err(|source| Error::Serve { source })?
            .port();
        let queue = Queue::new(workers, configuration.queue.get(), metrics.clone());
        let threads = start(workers, &queue, &slot, &metrics)?;
        let state = Data::new(State::new(configuration, queue, metrics, slot));
        let server = server(listener, state.clone()).map_err(|source| Error::Serve { source })?;
        Ok(Self {
            port,
            server,
            state,
            workers: threads,
        })
    }

    /// The port that is listened at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the service from elsewhere.
    pub fn handle(&self) -> Handle {
        Handle {
            server: self.server.handle(),
            state: self.state.clone(),
        }
    }

    /// Answers requests until it is stopped, then finishes what was accepted.
    ///
    /// # Errors
    /// [`Error::Serve`] when the server breaks down.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let outcome = self.server.await;
        self.state.queue.close();
        for worker in self.workers {
            // A worker that panicked has said so; there is nothing left to do.
            let _ = worker.join();
        }
        outcome.map_err(|source| Error::Serve { source })
    }
}

impl Handle {
    /// Takes no more requests and finishes those that were accepted, within the grace time.
    pub async fn stop(&self) {
        self.state.drain();
        self.server.stop(true).await;
    }
}

/// Runs a future, such as that of [`Application::run_until_stopped`], on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    System::new().block_on(future)
}

fn listen(configuration: &Configuration) -> Result<TcpListener, Error> {
    let Configuration { host, port, .. } = configuration;
    TcpListener::bind((host.as_str(), *port)).map_err(|source| Error::Listen {
        address: format!("{host}:{port}"),
        source,
    })
}

fn server(listener: TcpListener, state: Data<State>) -> std::io::Result<Server> {
    let grace = state.configuration.grace.as_secs();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .configure(route::configure)
    });
    Ok(server
        .workers(IO_THREADS)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(LEAVE_TIMEOUT)
        // A client that has closed its side has gone; its request is dropped.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(grace)
        .listen(listener)?
        .run())
}
