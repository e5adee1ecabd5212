//! A running service, requests and responses.

mod http;
mod models;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pet_api::{Application, Configuration, Error, Handle, block_on};
use pet_tests::{results, runtime};

pub(crate) use http::{Request, Response, get, post, read};
pub(crate) use models::{
    COLOURS, coloured, colours, colours_called, colours_that_say, test_images,
};

/// A service on its own thread, which is stopped when dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// Where it listens for gRPC.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "nowhere"))]
    pub(crate) grpc: Option<SocketAddr>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts a service with one worker and the committed model. Without ONNX Runtime the test is skipped, unless
    /// `PET_REQUIRE_RUNTIME` is set.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| {})
    }

    /// Starts a service with other settings.
    pub(crate) fn start_with(change: impl FnOnce(&mut Configuration)) -> Option<Self> {
        let runtime = runtime()?;
        let mut configuration = Configuration {
            port: 0,
            results: results().into(),
            workers: NonZero::<usize>::MIN,
            notice: Duration::ZERO,
            ..Configuration::default()
        };
        change(&mut configuration);
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            block_on(async {
                let application = Application::build(configuration, runtime).unwrap();
                #[cfg(feature = "grpc")]
                let grpc = application.grpc_port();
                #[cfg(not(feature = "grpc"))]
                let grpc = None::<u16>;
                sender.send((application.port(), grpc, application.handle())).unwrap();
                application.run_until_stopped().await.unwrap();
            });
        });
        let (port, grpc, handle) = receiver.recv().unwrap();
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        Some(Self { address: at(port), grpc: grpc.map(at), handle, thread: Some(thread) })
    }

    /// Starts to stop the service, without waiting.
    pub(crate) fn start_stopping(&self) -> JoinHandle<()> {
        let handle = self.handle.clone();
        std::thread::spawn(move || block_on(handle.stop()))
    }

    /// Waits until the service has stopped.
    pub(crate) fn wait(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl From<&Service> for SocketAddr {
    fn from(service: &Service) -> Self {
        service.address
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            block_on(self.handle.stop());
            let _ = thread.join();
        }
    }
}

/// The error of a service that does not start with these settings; `None` without ONNX Runtime.
pub(crate) fn startup_error(change: impl FnOnce(&mut Configuration)) -> Option<Error> {
    let runtime = runtime()?;
    let mut configuration =
        Configuration { port: 0, results: results().into(), ..Configuration::default() };
    change(&mut configuration);
    let refused = block_on(async { Application::build(configuration, runtime).err() });
    Some(refused.unwrap())
}

/// Waits until a condition is true.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The value of a series in the metrics, 0 if it is missing.
pub(crate) fn metric(service: &Service, series: &str) -> f64 {
    let text = get("/metrics").send(service).text();
    let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_default();
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or_default()
}
