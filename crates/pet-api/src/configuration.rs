//! The settings of the service.

use std::num::NonZero;
use std::time::Duration;

use pet_image::Limits;
use pet_model::Results;
use pet_predict::Precision;

use crate::feedback::FeedbackFolder;

/// How the service runs. The library reads no environment variables; a program fills this in.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Address to listen at, such as `127.0.0.1`, or `0.0.0.0` for every one of the machine's.
    pub host: String,
    /// Port to listen at; 0 takes a free one, see [`Application::port`](crate::Application::port).
    pub port: u16,
    /// The served model with its figures: a folder, or files inside the program.
    pub results: Results,
    /// Which model of that folder is served; `None` for the one in 8-bit integers if there is one.
    pub precision: Option<Precision>,
    /// Worker threads, each with a session of its own.
    pub workers: NonZero<usize>,
    /// Requests that may wait for a worker; one more is refused.
    pub queue: NonZero<usize>,
    /// Images that one request may hold.
    pub batch: NonZero<usize>,
    /// What a photograph may measure; its `bytes` also bound an upload.
    pub limits: Limits,
    /// Bytes of memory for all uploads that are being read or wait; beyond, uploads are refused.
    pub memory: usize,
    /// Bytes of memory for all pictures that are being decoded or changed; one that would take more than its share is
    /// refused. See [`Sizing`](crate::Sizing).
    pub decoding_memory: u64,
    /// Time from the head of a request to its answer.
    pub request_timeout: Duration,
    /// Time between saying that the service is not ready any more and taking no more connections,
    /// in which those who send requests here can turn elsewhere.
    pub notice: Duration,
    /// Time that accepted requests get to finish after a stop.
    pub grace: Duration,
    /// The secret for requests that change the service; without one there are none.
    pub admin_token: Option<String>,
    /// Where corrections are kept; without it none are, and nothing is written to disk.
    pub feedback: Option<FeedbackFolder>,
}

impl Default for Configuration {
    /// Port 8000 of this machine alone, `results/`, as many workers as processors, 64 places in
    /// the queue, 32 images in a
    /// request, 256 MiB for uploads and 1 GiB for decoding, 30 seconds for a
    /// request and for the grace, a second of notice, no token, no corrections.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8000,
            results: "results".into(),
            precision: None,
            workers: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            queue: const { NonZero::new(64).unwrap() },
            batch: const { NonZero::new(32).unwrap() },
            limits: Limits::default(),
            memory: 256 << 20,
            decoding_memory: 1 << 30,
            request_timeout: Duration::from_secs(30),
            notice: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            admin_token: None,
            feedback: None,
        }
    }
}
