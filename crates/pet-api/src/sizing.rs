//! How the memory of the whole process is divided.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::configuration::Configuration;
use crate::error::Error;

/// Bytes for the program, the served model and all small objects.
const BASE_BYTES: u64 = 96 << 20;

/// Bytes of each further model: its file and its explainer.
const MODEL_BYTES: u64 = 32 << 20;

/// Bytes of a session with its buffers; there is one for each thread and model.
const SESSION_BYTES: u64 = 32 << 20;

/// Minimum number of bytes for decoding, for each worker and for one expensive image.
const MIN_DECODING_BYTES: u64 = 24 << 20;

/// Maximum number of bytes for uploads, unless configured.
const MAX_UPLOAD_BYTES: u64 = 256 << 20;

impl Configuration {
    /// Divides the memory of the process among workers, decoding and uploads, when everything else is configured.
    ///
    /// The memory has `memory` bytes, by default as many as the container allows, otherwise 512 MiB and 256 MiB for each worker.
    /// By default, there are as many `workers` as fit into it, up to the configured number, and `uploads` get a quarter of what
    /// the program and its models leave, at most 256 MiB.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is too little memory.
    pub fn divide_memory(
        &mut self,
        memory: Option<u64>,
        workers: Option<NonZero<usize>>,
        uploads: Option<usize>,
    ) -> Result<(), Error> {
        let (memory, most) = (memory.or_else(container_limit), Demand::of(self));
        let divide = |workers: NonZero<usize>| {
            let demand = Demand { workers: workers.get(), ..most };
            let memory = memory.unwrap_or_else(|| demand.unlimited());
            Ok((workers, Sizing::new(memory, demand, uploads)?))
        };
        let (workers, sizing) = if let Some(workers) = workers {
            divide(workers)?
        } else {
            let mut fewer = (1..=most.workers).rev().filter_map(NonZero::new);
            let fitting = fewer.find_map(|workers| divide(workers).ok());
            fitting.map_or_else(|| divide(NonZero::<usize>::MIN), Ok)?
        };
        self.workers = workers;
        self.memory = sizing.uploads;
        self.limits.bytes = self.limits.bytes.min(sizing.uploads as u64);
        self.decoding_memory = sizing.decoding;
        Ok(())
    }
}

/// How the memory of the whole process is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizing {
    /// Bytes for all uploads that are being read or waiting.
    uploads: usize,
    /// Bytes for all decoding.
    decoding: u64,
}

/// What needs memory in addition to uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Demand {
    /// Number of worker threads.
    workers: usize,
    /// Number of models that they run.
    models: usize,
    /// Whether there is a shadow.
    shadow: bool,
}

impl Demand {
    /// The demand of a service with these settings; all models that may be loaded count.
    fn of(configuration: &Configuration) -> Self {
        let folder = configuration.models.as_ref();
        let named = folder.map_or(0, |folder| folder.max_loaded);
        Self {
            workers: configuration.workers.get(),
            models: 1 + usize::from(configuration.canary.is_some()) + named,
            shadow: configuration.shadow.is_some(),
        }
    }

    /// Number of threads that decode.
    fn threads(self) -> u64 {
        self.workers as u64 + u64::from(self.shadow)
    }

    /// Bytes for everything except decoding and uploads.
    fn fixed(self) -> u64 {
        let (workers, models) = (self.workers as u64, self.models.max(1) as u64);
        let shadow = u64::from(self.shadow);
        BASE_BYTES
            + (models - 1 + shadow) * MODEL_BYTES
            + (workers * models + shadow) * SESSION_BYTES
    }

    /// The memory to assume where the system has no known limit: 512 MiB, 256 MiB for each worker, and the memory of the
    /// models besides the served one.
    fn unlimited(self) -> u64 {
        let alone = Self { models: 1, shadow: false, ..self };
        let other_models = self.fixed() - alone.fixed();
        (512 << 20) + self.threads() * (256 << 20) + other_models
    }
}

impl Sizing {
    /// Divides `memory` bytes among decoding and uploads. Unless `uploads` is given, uploads get a quarter of what the
    /// program and its models leave, at most 256 MiB.
    fn new(memory: u64, demand: Demand, uploads: Option<usize>) -> Result<Self, Error> {
        let fixed = demand.fixed();
        let least = (demand.threads() + 1) * MIN_DECODING_BYTES;
        let free = memory.saturating_sub(fixed);
        let for_uploads = uploads.map_or((free / 4).min(MAX_UPLOAD_BYTES), |bytes| bytes as u64);
        let decoding = free.saturating_sub(for_uploads);
        if decoding < least {
            let uploads = uploads.map_or(least / 3, |bytes| bytes as u64);
            let needed = fixed.saturating_add(least).saturating_add(uploads);
            return Err(Error::Memory { memory, workers: demand.workers as u64, needed });
        }
        Ok(Self { uploads: usize::try_from(for_uploads).unwrap_or(usize::MAX), decoding })
    }
}

/// The memory limit of this process: the smallest limit of its control group and that group's ancestors.
fn container_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| files(line, root));
    limits.filter_map(|file| read(&file)).min()
}

/// The files that may contain a limit, for a line `HIERARCHY:CONTROLLERS:PATH` of `/proc/self/cgroup`.
fn files(line: &str, root: &Path) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (root, name) = if controllers.is_empty() {
        (root.to_owned(), "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        (root.join("memory"), "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    let path = Path::new(path.trim_start_matches('/'));
    // The last ancestor is empty, which is the root.
    path.ancestors().map(|group| root.join(group).join(name)).collect()
}

/// Reads a limit; `None` for "max" and for huge numbers, which mean no limit.
fn read(file: &Path) -> Option<u64> {
    let limit: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (limit < 1 << 50).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizing_fits_into_the_memory() {
        let memory = 512 << 20;
        let demand = |workers, models, shadow| Demand { workers, models, shadow };
        let sizing = Sizing::new(memory, demand(2, 1, false), None).unwrap();
        let fixed = BASE_BYTES + 2 * SESSION_BYTES;
        assert_eq!(fixed + sizing.uploads as u64 + sizing.decoding, memory);
        let with_shadow = Sizing::new(memory, demand(2, 1, true), None).unwrap();
        assert!(with_shadow.decoding < sizing.decoding);
        assert!(Sizing::new(memory, demand(64, 1, false), None).is_err());
        assert!(Sizing::new(memory, demand(2, 9, false), None).is_err());
        assert!(Sizing::new(memory, demand(2, 1, false), Some(512 << 20)).is_err());
        for workers in [1, 2, 64, 1000] {
            for demand in [demand(workers, 1, false), demand(workers, 5, true)] {
                assert!(Sizing::new(demand.unlimited(), demand, None).is_ok());
                let Err(Error::Memory { needed, .. }) = Sizing::new(0, demand, None) else {
                    panic!("nothing is enough");
                };
                assert!(Sizing::new(needed, demand, None).is_ok());
            }
        }
    }

    #[test]
    fn as_many_workers_as_fit_share_the_memory() {
        let count = |count| NonZero::<usize>::new(count).unwrap();
        let mut configuration = Configuration { workers: count(64), ..Configuration::default() };
        configuration.divide_memory(Some(512 << 20), None, None).unwrap();
        let fitting = configuration.workers.get();
        assert!((2..64).contains(&fitting), "{fitting}");
        assert!(configuration.limits.bytes <= configuration.memory as u64);
        let more = Some(count(fitting + 1));
        assert!(configuration.divide_memory(Some(512 << 20), more, None).is_err());
        configuration.divide_memory(Some(1 << 30), more, Some(1 << 20)).unwrap();
        assert_eq!((configuration.workers, configuration.memory), (count(fitting + 1), 1 << 20));
    }

    #[test]
    fn the_smallest_limit_of_all_ancestors_applies() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let limit = |groups| limit_of(groups, root.path());
        assert_eq!(limit("0::/pod/box\n"), None);
        write("pod/memory.max", "536870912\n");
        write("pod/box/memory.max", "max\n");
        assert_eq!(limit("0::/pod/box\n"), Some(512 << 20));
        write("pod/box/memory.max", "268435456\n");
        assert_eq!(limit("0::/pod/box\n"), Some(256 << 20));
        assert_eq!(limit("0::/pod\n"), Some(512 << 20));

        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit("4:cpu,memory:/gone\n3:pids:/pod\n"), None);
        write("memory/memory.limit_in_bytes", "1048576\n");
        assert_eq!(limit("4:cpu,memory:/gone\n3:pids:/pod\n"), Some(1 << 20));
    }
}
