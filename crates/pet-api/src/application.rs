//! The service as a whole, and its signals.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::{self, System};
use actix_web::web::Data;
#[cfg(feature = "grpc")]
use futures_util::future::{OptionFuture, join};
use pet_predict::Runtime;
use tokio_util::sync::CancellationToken;

use crate::budget::shadow_memory;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::feedback::Feedback;
#[cfg(feature = "grpc")]
use crate::grpc;
use crate::memory::UploadMemory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::{Queue, Worker, start};
use crate::shadow::{Comparison, Shadow};
use crate::state::State;
use crate::{route, server};

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
    state: Data<State>,
}

impl Application {
    /// Loads the models, starts the workers and listens. Must be called inside [`block_on`].
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Successor`], [`Error::Classes`], [`Error::ModelCount`], [`Error::SameName`],
    /// [`Error::Listen`] or [`Error::Io`].
    pub fn build(configuration: Configuration, runtime: Runtime) -> Result<Self, Error> {
        let failed = Error::io("the server failed");
        let metrics = Metrics::new().map_err(|error| failed(std::io::Error::other(error)))?;
        let metrics = Arc::new(metrics);
        let models = Arc::new(Models::load(runtime, &configuration)?);
        metrics.preregister(route::statuses());
        models.log("the model was loaded");
        let feedback = configuration.feedback.clone().map(Feedback::open).transpose();
        let feedback = feedback.map_err(Error::io("cannot use the folder for corrections"))?;
        let listener = listen(&configuration, configuration.port)?;
        let port = listener.local_addr().map_err(&failed)?.port();
        #[cfg(feature = "grpc")]
        let for_grpc = configuration.grpc_port.map(|port| {
            metrics.preregister(grpc::statuses());
            listen(&configuration, port)
        });
        #[cfg(feature = "grpc")]
        let for_grpc = for_grpc.transpose()?;
        let memory = Arc::new(UploadMemory::new(configuration.memory));
        let (queue, threads) = threads(&configuration, &models, &memory, &metrics)?;
        let state = Data::new(State {
            configuration,
            queue,
            metrics,
            models,
            memory,
            feedback: feedback.map(Arc::new),
            draining: OnceLock::new(),
            stopped: CancellationToken::new(),
        });
        #[cfg(feature = "grpc")]
        let grpc = for_grpc.map(|listener| grpc::Server::new(listener, state.clone()));
        let server = server::start(listener, state.clone()).map_err(&failed)?;
        Ok(Self {
            port,
            server,
            #[cfg(feature = "grpc")]
            grpc: grpc.transpose().map_err(&failed)?,
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
        Handle { server: self.server.handle(), state: self.state.clone() }
    }

    /// Serves requests until the service is stopped, then finishes those that were accepted.
    ///
    /// # Errors
    /// [`Error::Io`] when the server fails.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let http = async {
            let outcome = self.server.await;
            // Even if it failed, gRPC stops too.
            self.state.stopped.cancel();
            outcome
        };
        #[cfg(feature = "grpc")]
        let http = async {
            let grpc = self.grpc.map(grpc::Server::run);
            join(http, OptionFuture::from(grpc)).await.0
        };
        let outcome = http.await;
        self.state.queue.close();
        for thread in self.threads {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
        outcome.map_err(Error::io("the server failed"))
    }
}

impl Handle {
    /// Reports the service as not ready, then, after the notice, accepts no more connections and finishes the accepted
    /// requests within the grace period.
    pub async fn stop(&self) {
        tracing::info!("stopping");
        self.state.start_draining();
        tokio::time::sleep(self.state.configuration.notice).await;
        self.state.stopped.cancel();
        self.server.stop(true).await;
    }

    /// Time left of the notice and the grace period after a stop, for other cleanup of the program; 0 before a stop.
    pub fn time_to_stop(&self) -> Duration {
        self.state.time_to_stop()
    }

    /// Reloads every model from its folder: the served one with its successors, then the named ones. A model that fails to
    /// load is kept as it was, and the reason is logged. Returns whether all of them loaded.
    pub async fn reload(&self) -> bool {
        self.state.with_models(Models::reload).await.is_ok()
    }

    /// Installs signal handlers: `SIGTERM` and `SIGINT` (Ctrl-C) stop the service, `SIGHUP` reloads the models; on other
    /// systems than Unix there is only Ctrl-C. Must be called inside [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    #[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "fails on Unix only"))]
    pub fn obey_signals(&self) -> std::io::Result<()> {
        #[cfg(unix)]
        {
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
        }
        #[cfg(not(unix))]
        {
            let handle = self.clone();
            rt::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    handle.stop().await;
                }
            });
        }
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
    let shadow = configuration.shadow.as_ref().map(|shadow| {
        let idle = queue.clone();
        Shadow::start(Comparison {
            share: shadow.share,
            limits: configuration.limits,
            decoding: for_shadow,
            has_idle_worker: Box::new(move || idle.has_idle_worker()),
            models: models.clone(),
            memory: memory.clone(),
            metrics: metrics.clone(),
        })
    });
    let (shadow, last) = shadow.transpose()?.unzip();
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
