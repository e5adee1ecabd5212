//! The service as a whole, and what the operating system asks of it.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;
use actix_web::rt::System;
use actix_web::web::Data;
use pet_predict::Runtime;

use crate::budget::for_shadow;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::feedback::Feedback;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::{Queue, start};
use crate::route;
use crate::server;
use crate::shadow;
use crate::state::State;
use crate::worker::Worker;

/// A service that listens, with a model loaded, and waits to be run.
pub struct Application {
    port: u16,
    server: Server,
    state: Data<State>,
    /// The workers, then what ends after them.
    threads: Vec<JoinHandle<()>>,
}

/// Stops or changes a running [`Application`], from any thread.
#[derive(Clone)]
pub struct Handle {
    server: ServerHandle,
    state: Data<State>,
}

impl Application {
    /// Loads the models, starts the workers and listens. Must be called inside [`block_on`].
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Successor`], [`Error::Classes`], [`Error::ModelFolder`], [`Error::ModelCount`],
    /// [`Error::SameName`], [`Error::Feedback`], [`Error::Listen`], [`Error::Worker`] or [`Error::Serve`].
    pub fn build(configuration: Configuration, runtime: Runtime) -> Result<Self, Error> {
        let failed = |source| Error::Serve { source };
        let metrics = Metrics::new().map_err(|error| failed(std::io::Error::other(error)))?;
        let metrics = Arc::new(metrics);
        let models = Arc::new(Models::load(runtime, &configuration)?);
        metrics.expect(route::answers());
        models.announce("the model was loaded");
        let feedback = feedback(&configuration)?;
        let listener = listen(&configuration)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let memory = Arc::new(Memory::new(configuration.memory));
        let (queue, threads) = threads(&configuration, &models, &memory, &metrics)?;
        let state = State::new(configuration, queue, metrics, models, memory, feedback);
        let state = Data::new(state);
        let server = server::start(listener, state.clone()).map_err(failed)?;
        Ok(Self {
            port,
            server,
            state,
            threads,
        })
    }

    /// The port that is listened at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops or changes the service from elsewhere.
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
        for thread in self.threads {
            // One that panicked has said so; there is nothing left to do.
            let _ = thread.join();
        }
        outcome.map_err(|source| Error::Serve { source })
    }
}

impl Handle {
    /// Says that the service is not ready, then takes no more connections and finishes the requests
    /// that were accepted, within the grace time.
    pub async fn stop(&self) {
        tracing::info!("stopping");
        self.state.drain();
        tokio::time::sleep(self.state.configuration.notice).await;
        self.server.stop(true).await;
    }

    /// What is left of the notice and the grace after a stop, for what a program still has to do; 0 before one.
    pub fn time_to_stop(&self) -> Duration {
        self.state.time_to_stop()
    }

    /// Loads every model from its folder again: the served one with its successors, then the named ones. One that does not
    /// load stays as it was; the log says why. Whether all loaded.
    pub async fn reload(&self) -> bool {
        self.state.reload().await.is_ok()
    }
}

/// Runs a future, such as that of [`Application::run_until_stopped`], on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    System::new().block_on(future)
}

/// The queue with everyone who works for it.
fn threads(
    configuration: &Configuration,
    models: &Arc<Models>,
    memory: &Arc<Memory>,
    metrics: &Arc<Metrics>,
) -> Result<(Queue, Vec<JoinHandle<()>>), Error> {
    let count = configuration.workers.get();
    let mut decoding = configuration.decoding_memory;
    let for_shadow = for_shadow(decoding, count);
    if configuration.shadow.is_some() {
        decoding -= for_shadow;
    }
    let queue = Queue::new(count, configuration.queue.get(), decoding, metrics.clone());
    let shadow = shadow::start(configuration, for_shadow, &queue, models, memory, metrics)?;
    let (shadow, last) = shadow.unzip();
    let worker = || Worker::new(metrics.clone(), shadow.clone());
    let mut threads = start(count, &queue, &models.choice().served, worker)?;
    threads.extend(last);
    Ok((queue, threads))
}

fn feedback(configuration: &Configuration) -> Result<Option<Arc<Feedback>>, Error> {
    let Some(settings) = configuration.feedback.clone() else {
        return Ok(None);
    };
    let feedback = Feedback::open(settings).map_err(|source| Error::Feedback { source })?;
    Ok(Some(Arc::new(feedback)))
}

fn listen(configuration: &Configuration) -> Result<TcpListener, Error> {
    let Configuration { host, port, .. } = configuration;
    TcpListener::bind((host.as_str(), *port)).map_err(|source| Error::Listen {
        address: format!("{host}:{port}"),
        source,
    })
}

impl Handle {
    /// Listens to the process's signals from now on: `SIGTERM` and `SIGINT` (Ctrl-C) stop the
    /// service, `SIGHUP` reloads the models. For programs; must be called inside
    /// [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// The operating system's, when it does not let the process listen.
    #[cfg(unix)]
    pub fn obey_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let (handle, mut signals) = (self.clone(), signal(kind)?);
            rt::spawn(async move {
                if signals.recv().await.is_some() {
                    handle.stop().await;
                }
            });
        }
        let (handle, mut signals) = (self.clone(), signal(SignalKind::hangup())?);
        rt::spawn(async move {
            while signals.recv().await.is_some() {
                // How it went is in the log.
                let _ = handle.reload().await;
            }
        });
        Ok(())
    }

    /// Listens to Ctrl-C from now on, which stops the service. For programs; must be called inside
    /// [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// None on this system.
    #[cfg(not(unix))]
    pub fn obey_signals(&self) -> std::io::Result<()> {
        let handle = self.clone();
        rt::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                handle.stop().await;
            }
        });
        Ok(())
    }
}
