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
    /// Photographs that drift is measured over, the latest; no more than 10,000 are kept.
    pub drift_window: NonZero<usize>,
    /// Time from the head of a request to its answer.
    pub request_timeout: Duration,
    /// Time between saying that the service is not ready any more and taking no more connections,
    /// in which those who send requests here can turn elsewhere.
    pub notice: Duration,
    /// Time that accepted requests get to finish after a stop.
    pub grace: Duration,
    /// The secret for requests that change the service; without one there are none.
    pub admin_token: Option<String>,
    /// A model that answers its share of the photographs in place of the served one.
    pub canary: Option<Successor>,
    /// A model that answers again what the served one answers, unseen, while there is nothing else to do.
    pub shadow: Option<Successor>,
    /// Further models, which answer requests that name them.
    pub models: Option<ModelFolder>,
    /// Where corrections are kept; without it none are, and nothing is written to disk.
    pub feedback: Option<FeedbackFolder>,
    /// Who collects the spans of requests; without it there are none.
    pub tracer: Option<Arc<dyn Tracer>>,
}

/// A model that may take the place of the served one; it must tell the same classes apart.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The model with its figures.
    pub results: Results,
    /// How many photographs it answers.
    pub share: Share,
}

/// A share of all photographs, in steps of a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    /// Every photograph.
    pub const ALL: Self = Self(Self::WHOLE);

    const WHOLE: u64 = 10_000;

    /// So many in a hundred; `None` unless that is more than 0 and at most 100.
    pub fn from_percent(percent: f64) -> Option<Self> {
        let steps = (percent * 100.0).round();
        (1.0..=Self::WHOLE as f64)
            .contains(&steps)
            .then_some(Self(steps as u64))
    }

    /// Whether something that lies there among all is in it. What is in a share is in every larger one.
    pub(crate) fn holds(self, position: u64) -> bool {
        position % Self::WHOLE < self.0
    }

    /// Whether it takes the one with this number: of numbers in a row it takes as many as its share is, evenly.
    pub(crate) fn takes(self, number: u64) -> bool {
        let number = number % Self::WHOLE;
        (number + 1) * self.0 / Self::WHOLE > number * self.0 / Self::WHOLE
    }
}

impl Default for Configuration {
    /// Port 8000 of this machine alone, `results/`, as many workers as processors, 64 places in
    /// the queue, 32 images in a
    /// request, 256 MiB for uploads and 1 GiB for decoding, drift over 1,000 photographs, 30 seconds for a
    /// request and for the grace, a second of notice, no token, no successors, no other models, no corrections,
    /// no spans.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_takes_as_many_as_it_says_and_evenly() {
        for (percent, of_ten_thousand) in [(0.01, 1), (5.0, 500), (33.3, 3330), (100.0, 10_000)] {
            let share = Share::from_percent(percent).unwrap();
            let taken = |numbers: std::ops::Range<u64>| {
                numbers.filter(|&number| share.takes(number)).count()
            };
            assert_eq!(taken(0..10_000), of_ten_thousand, "{percent}");
            assert_eq!(taken(123_456..133_456), of_ten_thousand, "{percent}");
            let half = taken(0..5_000) as f64;
            assert!(
                (half - of_ten_thousand as f64 / 2.0).abs() <= 1.0,
                "{percent}"
            );
        }
        for percent in [0.0, 0.001, -5.0, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::from_percent(percent), None, "{percent}");
        }
        assert_eq!(Share::from_percent(100.0), Some(Share::ALL));
    }
}
