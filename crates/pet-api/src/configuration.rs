//! The settings of the service.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fs_err as fs;
use pet_image::Limits;
use pet_model::Results;
use pet_predict::Precision;

use crate::error::Error;
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

/// Where corrections are stored, and how many.
#[derive(Clone, Debug)]
pub struct FeedbackFolder {
    /// The folder; created if it is missing.
    pub folder: PathBuf,
    /// Maximum size of all files in it together, in bytes.
    pub bytes: u64,
    /// Maximum number of images in it.
    pub count: u64,
}

/// A folder with models in subfolders; a subfolder's name is the name of its model.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Largest number of its models that may be loaded at a time.
    pub max_loaded: usize,
}

/// The contents of a folder of models.
#[derive(Default)]
pub(crate) struct Found {
    /// The models by name.
    pub(crate) models: BTreeMap<String, Results>,
    /// Entries that are not models, with the reason.
    pub(crate) skipped: BTreeMap<String, &'static str>,
}

impl ModelFolder {
    /// Without `max`, one more model may be loaded than there are now.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read.
    pub fn new(folder: PathBuf, max: Option<NonZero<usize>>) -> Result<Self, Error> {
        let mut models = Self { folder, max_loaded: 0 };
        models.max_loaded = match max {
            Some(max) => max.get(),
            None => models.scan()?.models.len() + 1,
        };
        Ok(models)
    }

    /// The models to load at startup: all in the folder. None of them may have the name of the served one.
    pub(crate) fn initial(&self, served: &str) -> Result<BTreeMap<String, Results>, Error> {
        let found = self.scan()?;
        for (name, reason) in found.skipped {
            let place = self.folder.display();
            tracing::info!(%place, name, reason, "skipped in the folder of models");
        }
        let (count, max) = (found.models.len(), self.max_loaded);
        if count > max {
            return Err(Error::ModelCount { folder: self.folder.clone(), count, max });
        }
        match found.models.get(served) {
            Some(results) => Err(same_name(served, results)),
            None => Ok(found.models),
        }
    }

    /// Lists the folder.
    pub(crate) fn scan(&self) -> Result<Found, Error> {
        let failed = Error::io("cannot read the folder of models");
        let mut found = Found::default();
        for entry in fs::read_dir(&self.folder).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let results = Results::from(entry.path());
            match skip_reason(&name, &results) {
                Some(reason) => found.skipped.insert(name, reason).map(drop),
                None => found.models.insert(name, results).map(drop),
            };
        }
        Ok(found)
    }

    /// Whether it has a model of this name, without listing everything.
    pub(crate) fn has(&self, name: &str) -> bool {
        // Compared with the name of the entry, because `..` and others lead elsewhere.
        let path = self.folder.join(name);
        let is_entry =
            path.parent() == Some(&self.folder) && path.file_name() == Some(OsStr::new(name));
        is_entry && skip_reason(name, &Results::from(path)).is_none()
    }
}

/// The error for a named model with the name of the served one.
pub(crate) fn same_name(name: &str, results: &Results) -> Error {
    Error::SameName { name: name.to_owned(), results: results.to_string() }
}

/// Why an entry is not a model. Names appear in URLs and metrics, so few characters are allowed; the replacement
/// characters of a name that is not valid Unicode are not among them.
fn skip_reason(name: &str, results: &Results) -> Option<&'static str> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
    if name.starts_with('.') {
        Some("it is hidden")
    } else if !results.folder().is_some_and(Path::is_dir) {
        Some("it is not a folder")
    } else if !name.chars().all(is_allowed) {
        Some("its name may only have letters, digits, `.`, `_` and `-`")
    } else if !Precision::ALL.iter().any(|precision| results.contains(precision.file())) {
        Some("it has no model")
    } else {
        None
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

    #[test]
    fn folders_with_a_model_and_a_valid_name_are_models() {
        let place = tempfile::tempdir().unwrap();
        for path in [
            "cats/model.onnx",
            "dogs-2.1_b/model.int8.onnx",
            "Küken/model.onnx",
            ".hidden/model.onnx",
            "a b/model.onnx",
            "a%2Fb/model.onnx",
            "empty/README.md",
            "model.onnx",
        ] {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let folder = ModelFolder::new(place.path().into(), None).unwrap();
        assert_eq!(folder.max_loaded, 4);
        let found = folder.scan().unwrap();
        let names: Vec<_> = found.models.keys().map(String::as_str).collect();
        assert_eq!(names, ["Küken", "cats", "dogs-2.1_b"]);
        for (name, results) in &found.models {
            assert_eq!(results.folder().unwrap(), place.path().join(name));
        }
        let skipped: Vec<_> = found.skipped.keys().map(String::as_str).collect();
        assert_eq!(skipped, [".hidden", "a b", "a%2Fb", "empty", "model.onnx"]);
        assert_eq!(found.skipped["empty"], "it has no model");
    }

    #[test]
    fn missing_folder_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        let error = ModelFolder::new(missing, None).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the folder of models");
    }

    #[cfg(unix)]
    #[test]
    fn name_that_is_not_unicode_is_skipped() {
        use std::os::unix::ffi::OsStrExt as _;

        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(std::ffi::OsStr::from_bytes(b"ca\xff"));
        if fs::create_dir(&folder).is_err() {
            return; // Not every file system allows such a name.
        }
        fs::write(folder.join("model.onnx"), b"").unwrap();
        let folder = ModelFolder::new(place.path().into(), None).unwrap();
        assert!(folder.scan().unwrap().models.is_empty());
    }
}
