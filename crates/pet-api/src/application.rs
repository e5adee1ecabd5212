//! The service as a whole, and its signals.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::{self, System};
use actix_web::web::Data;
#[cfg(feature = "grpc")]
use futures_util::future::join;
use pet_predict::Runtime;

use crate::budget::shadow_memory;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::feedback::Feedback;
#[cfg(feature = "grpc")]
use crate::grpc;
use crate::memory::UploadMemory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::{Queue, start};
use crate::state::State;
use crate::worker::Worker;
use crate::{route, server, shadow};

/// A service with its models loaded and its port bound, ready to run.
pub struct Application {
    port: u16,
    server: Server,
    #[cfg(feature = "grpc")]
    grpc: Option<grpc::Server>,
    state: Data<State>,
    /// The workers, then the shadow, which ends after them.
    threads: Vec<JoinHandle<()>>,
}

/// Stops or reloads a running [`Application`] from any thread.
#[derive(Clone)]
pub struct Handle {
    server: ServerHandle,
    #[cfg(feature = "grpc")]
    grpc: Option<grpc::Stop>,
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
        metrics.preregister(route::statuses());
        models.log("the model was loaded");
        let feedback = configuration.feedback.clone().map(Feedback::open).transpose();
        let feedback = feedback.map_err(|source| Error::Feedback { source })?.map(Arc::new);
        let listener = listen(&configuration, configuration.port)?;
        let port = listener.local_addr().map_err(failed)?.port();
        #[cfg(feature = "grpc")]
        let for_grpc = grpc_listener(&configuration, &metrics)?;
        let memory = Arc::new(UploadMemory::new(configuration.memory));
        let (queue, threads) = threads(&configuration, &models, &memory, &metrics)?;
        let draining = OnceLock::new();
        let state = State { configuration, queue, metrics, models, memory, feedback, draining };
        let state = Data::new(state);
        #[cfg(feature = "grpc")]
        let grpc = for_grpc.map(|listener| grpc::Server::new(listener, state.clone()));
        let server = server::start(listener, state.clone()).map_err(failed)?;
        Ok(Self {
            port,
            server,
            #[cfg(feature = "grpc")]
            grpc: grpc.transpose().map_err(failed)?,
            state,
            threads,
        })
    }

    /// The port that the service listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for gRPC, if the service has one.
    #[cfg(feature = "grpc")]
    pub fn grpc_port(&self) -> Option<u16> {
        self.grpc.as_ref().map(grpc::Server::port)
    }

    /// A handle to stop or reload the service.
    pub fn handle(&self) -> Handle {
        Handle {
            server: self.server.handle(),
            #[cfg(feature = "grpc")]
            grpc: self.grpc.as_ref().map(grpc::Server::handle),
            state: self.state.clone(),
        }
    }

    /// Serves requests until the service is stopped, then finishes those that were accepted.
    ///
    /// # Errors
    /// [`Error::Serve`] when the server fails.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        #[cfg(feature = "grpc")]
        let outcome = serve_both(self.server, self.grpc).await;
        #[cfg(not(feature = "grpc"))]
        let outcome = self.server.await;
        self.state.queue.close();
        for thread in self.threads {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
        outcome.map_err(|source| Error::Serve { source })
    }
}

impl Handle {
    /// Reports the service as not ready, then, after the notice, accepts no more connections and finishes the accepted
    /// requests within the grace period.
    pub async fn stop(&self) {
        tracing::info!("stopping");
        self.state.start_draining();
        tokio::time::sleep(self.state.configuration.notice).await;
        #[cfg(feature = "grpc")]
        if let Some(grpc) = &self.grpc {
            grpc.stop();
        }
        self.server.stop(true).await;
    }

    /// Time left of the notice and the grace period after a stop, for other cleanup of the program; 0 before a stop.
    pub fn time_to_stop(&self) -> Duration {
        self.state.time_to_stop()
    }

    /// Reloads every model from its folder: the served one with its successors, then the named ones. A model that fails to
    /// load is kept as it was, and the reason is logged. Returns whether all of them loaded.
    pub async fn reload(&self) -> bool {
        self.state.reload().await.is_ok()
    }

    /// Installs signal handlers: `SIGTERM` and `SIGINT` (Ctrl-C) stop the service, `SIGHUP` reloads the models. Must be
    /// called inside [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// When the handlers cannot be installed.
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
                // The outcome is logged.
                let _ = handle.reload().await;
            }
        });
        Ok(())
    }

    /// Installs a handler of Ctrl-C, which stops the service. Must be called inside [`block_on`](crate::block_on).
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

/// Runs a future, such as that of [`Application::run_until_stopped`], on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    System::new().block_on(future)
}

/// The queue, the workers and the shadow.
fn threads(
    configuration: &Configuration,
    models: &Arc<Models>,
    memory: &Arc<UploadMemory>,
    metrics: &Arc<Metrics>,
) -> Result<(Queue, Vec<JoinHandle<()>>), Error> {
    let count = configuration.workers.get();
    let mut decoding = configuration.decoding_memory;
    let for_shadow = shadow_memory(decoding, count);
    if configuration.shadow.is_some() {
        decoding -= for_shadow;
    }
    let queue = Queue::new(count, configuration.queue.get(), decoding, metrics.clone());
    let idle = queue.clone();
    let idle = Arc::new(move || idle.has_idle_worker());
    let shadow = shadow::start(configuration, for_shadow, idle, models, memory, metrics)?;
    let (shadow, last) = shadow.unzip();
    let worker = || Worker::new(metrics.clone(), shadow.clone());
    let mut threads = start(count, &queue, worker)?;
    threads.extend(last);
    Ok((queue, threads))
}

fn listen(configuration: &Configuration, port: u16) -> Result<TcpListener, Error> {
    let host = configuration.host.as_str();
    TcpListener::bind((host, port))
        .map_err(|source| Error::Listen { address: format!("{host}:{port}"), source })
}

/// The listener for gRPC, if the service has one; its calls appear in the metrics.
#[cfg(feature = "grpc")]
fn grpc_listener(
    configuration: &Configuration,
    metrics: &Metrics,
) -> Result<Option<TcpListener>, Error> {
    let Some(port) = configuration.grpc_port else {
        return Ok(None);
    };
    metrics.preregister(grpc::statuses());
    listen(configuration, port).map(Some)
}

/// Serves HTTP and gRPC until both have stopped; gRPC also stops when HTTP fails.
#[cfg(feature = "grpc")]
async fn serve_both(server: Server, grpc: Option<grpc::Server>) -> std::io::Result<()> {
    let Some(grpc) = grpc else {
        return server.await;
    };
    let stop = grpc.handle();
    let http = async {
        let outcome = server.await;
        stop.stop();
        outcome
    };
    join(http, grpc.run()).await.0
}
