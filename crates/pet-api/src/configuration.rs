//! The settings of the service.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use pet_image::Limits;
use pet_model::Results;
use pet_predict::Precision;

use crate::feedback::FeedbackFolder;
use crate::model_folder::ModelFolder;
use crate::trace::Tracer;

/// The settings of the service. The library reads no environment variables; the program fills this in.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Address to listen on, such as `127.0.0.1`, or `0.0.0.0` for all interfaces.
    pub host: String,
    /// Port to listen on; 0 for any free port, see [`Application::port`](crate::Application::port).
    pub port: u16,
    /// Port for gRPC; 0 for any free port, see [`Application::grpc_port`](crate::Application::grpc_port). `None` for no gRPC.
    #[cfg(feature = "grpc")]
    pub grpc_port: Option<u16>,
    /// The served model with its figures: a folder, or files embedded in the program.
    pub results: Results,
    /// Precision of the served model; `None` for 8-bit integers where the results have such a model.
    pub precision: Option<Precision>,
    /// Worker threads.
    pub workers: NonZero<usize>,
    /// Capacity of the queue: requests that may wait for a worker.
    pub queue: NonZero<usize>,
    /// Largest number of images in a request.
    pub batch: NonZero<usize>,
    /// Limits of a photograph; `bytes` also limits an upload.
    pub limits: Limits,
    /// Bytes of memory for all uploads that are being read or waiting; further ones are rejected.
    pub memory: usize,
    /// Bytes of memory for all images that are being decoded or transformed; an image that needs more than its share is
    /// rejected. See [`divide_memory`](Self::divide_memory).
    pub decoding_memory: u64,
    /// Number of the latest photographs that drift is measured over, at most 10,000.
    pub drift_window: NonZero<usize>,
    /// Longest time from the head of a request to its response.
    pub request_timeout: Duration,
    /// Time between reporting the service as not ready and closing the listener, in which load balancers stop sending
    /// requests.
    pub notice: Duration,
    /// Time for accepted requests to finish after a stop.
    pub grace: Duration,
    /// The token for administrative requests; without one they are disabled.
    pub admin_token: Option<String>,
    /// A model that answers a share of the photographs in place of the served one.
    pub canary: Option<Successor>,
    /// A model that predicts the same photographs as the served one, for comparison only, while workers are idle.
    pub shadow: Option<Successor>,
    /// Further models, which are used by requests that name them.
    pub models: Option<ModelFolder>,
    /// Where corrections are stored; without it there are none, and nothing is written to disk.
    pub feedback: Option<FeedbackFolder>,
    /// Collects the spans of requests; without it there are none.
    pub tracer: Option<Arc<dyn Tracer>>,
}

impl Default for Configuration {
    /// Port 8000 on the loopback interface, `results/`, a worker per processor, a queue of 64, 32 images in a request,
    /// 256 MiB for uploads and 1 GiB for decoding, drift over 1,000 photographs, 30 seconds for a request and for the grace
    /// period, a second of notice, and nothing optional.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8000,
            #[cfg(feature = "grpc")]
            grpc_port: None,
            results: "results".into(),
            precision: None,
            workers: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            queue: const { NonZero::new(64).unwrap() },
            batch: const { NonZero::new(32).unwrap() },
            limits: Limits::default(),
            memory: 256 << 20,
            decoding_memory: 1 << 30,
            drift_window: const { NonZero::new(1000).unwrap() },
            request_timeout: Duration::from_secs(30),
            notice: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            admin_token: None,
            canary: None,
            shadow: None,
            models: None,
            feedback: None,
            tracer: None,
        }
    }
}

/// A candidate to replace the served model; it must have the same classes.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The model with its figures.
    pub results: Results,
    /// The share of the photographs that it predicts.
    pub share: Share,
}

/// A share of all photographs, in steps of a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    /// Every photograph.
    pub const ALL: Self = Self(Self::WHOLE);

    const WHOLE: u64 = 10_000;

    /// `None` unless `percent` is more than 0, after rounding, and at most 100.
    pub fn from_percent(percent: f64) -> Option<Self> {
        let steps = (percent * 100.0).round();
        (1.0..=Self::WHOLE as f64).contains(&steps).then_some(Self(steps as u64))
    }

    /// Whether this hash is within the share. Every larger share contains it too.
    pub(crate) fn contains(self, hash: u64) -> bool {
        hash % Self::WHOLE < self.0
    }

    /// Whether to select the item with this sequence number: of consecutive numbers, the share is selected, evenly spaced.
    pub(crate) fn selects(self, number: u64) -> bool {
        let number = number % Self::WHOLE;
        (number + 1) * self.0 / Self::WHOLE > number * self.0 / Self::WHOLE
    }
}

/// Which requests a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Those that ask for no other model.
    Served,
    /// A share of the photographs, in place of the served model.
    Canary,
    /// None: its predictions are compared with those of the served model.
    Shadow,
    /// Those that name it.
    Named,
}

impl Role {
    /// Its name in the metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Canary => "canary",
            Self::Shadow => "shadow",
            Self::Named => "named",
        }
    }

    /// Whether its classes are those of the served model; a named model may have others.
    pub(crate) fn has_served_classes(self) -> bool {
        self != Self::Named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_selects_its_percentage_evenly() {
        for (percent, of_ten_thousand) in [(0.01, 1), (5.0, 500), (33.3, 3330), (100.0, 10_000)] {
            let share = Share::from_percent(percent).unwrap();
            let count = |numbers: std::ops::Range<u64>| {
                numbers.filter(|&number| share.selects(number)).count()
            };
            assert_eq!(count(0..10_000), of_ten_thousand, "{percent}");
            assert_eq!(count(123_456..133_456), of_ten_thousand, "{percent}");
            let half = count(0..5_000) as f64;
            assert!((half - of_ten_thousand as f64 / 2.0).abs() <= 1.0, "{percent}");
        }
        for percent in [0.0, 0.001, -5.0, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::from_percent(percent), None, "{percent}");
        }
        assert_eq!(Share::from_percent(100.0), Some(Share::ALL));
    }
}
