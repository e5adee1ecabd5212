//! The memory and the time that decoding may take.
//!
//! Most photographs are ordinary: each worker has memory for one of them at any time. One that takes more, or long, is
//! expensive. One that takes more memory waits until no other such one is being worked on, so the memory has a bound; and
//! all expensive ones together have no more than all workers but one, so that one is always there for ordinary requests.

use std::sync::Arc;

use pet_image::Cost;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::configuration::Configuration;
use crate::error::{ApiError, Code, Error};

/// What the program, the model and all that is small take, in bytes.
const BASE: u64 = 96 << 20;

/// What another model takes: its file, and what explains it.
const FOR_MODEL: u64 = 32 << 20;

/// What a thread takes for each model that it runs: a session and its buffers.
const FOR_SESSION: u64 = 32 << 20;

/// The least that decoding must have for each worker and for one expensive picture.
const LEAST: u64 = 24 << 20;

/// The most that an ordinary picture takes.
const ORDINARY: u64 = 64 << 20;

/// The most pixels that are gone over for an ordinary picture; about a fifth of a second.
pub(crate) const ORDINARY_WORK: u64 = 40_000_000;

/// The most memory for uploads unless it is given.
const UPLOADS: u64 = 256 << 20;

/// How the memory of the whole process is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// Bytes for all uploads that are being read or wait.
    pub uploads: usize,
    /// Bytes for all decoding.
    pub decoding: u64,
}

/// What takes memory besides uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Worker threads.
    pub workers: usize,
    /// Models that they run.
    pub models: usize,
    /// Whether a shadow runs beside them.
    pub shadow: bool,
}

impl Demand {
    /// What a service with these settings needs: all models that may be loaded count.
    pub fn of(configuration: &Configuration) -> Self {
        let folder = configuration.models.as_ref();
        let named = folder.map_or(0, |folder| folder.most);
        Self {
            workers: configuration.workers.get(),
            models: 1 + usize::from(configuration.canary.is_some()) + named,
            shadow: configuration.shadow.is_some(),
        }
    }

    /// Threads that decode.
    fn threads(self) -> u64 {
        self.workers as u64 + u64::from(self.shadow)
    }

    /// Bytes for programs and models.
    fn fixed(self) -> u64 {
        let (workers, models) = (self.workers as u64, self.models.max(1) as u64);
        let shadow = u64::from(self.shadow);
        BASE + (models - 1 + shadow) * FOR_MODEL + (workers * models + shadow) * FOR_SESSION
    }
}

impl Sizing {
    /// Divides `memory` bytes among the workers with their models and the uploads, which get a quarter of what is not yet
    /// used, and 256 MiB at most, unless it is given.
    ///
    /// # Errors
    /// [`Error::Memory`] if it is too little.
    pub fn new(memory: u64, demand: Demand, uploads: Option<usize>) -> Result<Self, Error> {
        let fixed = demand.fixed();
        let least = (demand.threads() + 1) * LEAST;
        let free = memory.saturating_sub(fixed);
        let for_uploads = uploads.map_or((free / 4).min(UPLOADS), |bytes| bytes as u64);
        let decoding = free.saturating_sub(for_uploads);
        if decoding < least {
            let uploads = uploads.map_or(least / 3, |bytes| bytes as u64);
            let needed = fixed.saturating_add(least).saturating_add(uploads);
            return Err(Error::Memory {
                memory,
                workers: demand.workers as u64,
                needed,
            });
        }
        Ok(Self {
            uploads: usize::try_from(for_uploads).unwrap_or(usize::MAX),
            decoding,
        })
    }

    /// The memory that is taken for granted where no limit is known: 512 MiB, 256 MiB for each worker, and what the
    /// models besides the served one take.
    pub fn unlimited(demand: Demand) -> u64 {
        let alone = Demand {
            models: 1,
            shadow: false,
            ..demand
        };
        let besides = demand.fixed() - alone.fixed();
        (512 << 20) + demand.threads() * (256 << 20) + besides
    }
}

/// The part of the memory for decoding that a shadow beside `workers` has: as much as each of them for an ordinary picture.
pub(crate) fn for_shadow(memory: u64, workers: usize) -> u64 {
    (memory / (workers as u64 + 2)).min(ORDINARY)
}

/// Tells ordinary pictures from expensive ones, and lets those in one after the other.
pub(crate) struct Budget {
    ordinary: u64,
    expensive: u64,
    /// One, for pictures that take more memory than ordinary ones.
    large: Arc<Semaphore>,
    /// One for each worker that expensive pictures may have.
    long: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Leave to work on an expensive picture, until it is dropped.
pub(crate) struct Turn {
    _large: Option<OwnedSemaphorePermit>,
    _long: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of `memory` bytes, in which half of the `places` of the queue may wait with expensive pictures.
    pub(crate) fn new(memory: u64, workers: usize, places: usize) -> Self {
        let others = workers.saturating_sub(1);
        let ordinary = (memory / (workers as u64 + 1)).min(ORDINARY);
        Self {
            ordinary,
            expensive: memory - ordinary * others as u64,
            large: Arc::new(Semaphore::new(1)),
            long: Arc::new(Semaphore::new(others.max(1))),
            waiting: Arc::new(Semaphore::new(places.div_ceil(2))),
        }
    }

    /// Waits until there is memory and a worker for the work; an ordinary picture never waits here.
    pub(crate) async fn turn(
        &self,
        cost: Cost,
        deadline: Instant,
    ) -> Result<Option<Turn>, ApiError> {
        if cost.memory > self.expensive {
            return Err(self.too_much(cost));
        }
        let is_large = cost.memory > self.ordinary;
        if !is_large && cost.work <= ORDINARY_WORK {
            return Ok(None);
        }
        let busy = |_| ApiError::new(Code::Busy, "too many large pictures wait already");
        let waiting = self.waiting.clone().try_acquire_owned().map_err(busy)?;
        // Always in this order, so that none waits for a worker that waits for memory.
        let large = if is_large {
            Some(acquire(&self.large, deadline).await?)
        } else {
            None
        };
        Ok(Some(Turn {
            _large: large,
            _long: acquire(&self.long, deadline).await?,
            _waiting: waiting,
        }))
    }

    fn too_much(&self, cost: Cost) -> ApiError {
        let (needed, limit) = (cost.memory, self.expensive);
        let detail = format!(
            "work on the picture takes `{needed}` bytes of memory, more than the limit of `{limit}`"
        );
        ApiError::new(Code::TooLarge, detail).with_hint("scale the picture down first".to_owned())
    }
}

async fn acquire(
    permits: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, ApiError> {
    let late = || ApiError::new(Code::DeadlinePassed, "the work was not done in time");
    let permit = timeout_at(deadline, permits.clone().acquire_owned()).await;
    permit.map_err(|_| late())?.map_err(|_| late())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cost(memory: u64, work: u64) -> Cost {
        Cost {
            pixels: 0,
            memory,
            work,
        }
    }

    #[test]
    fn expensive_pictures_take_turns_and_ordinary_ones_pass() {
        crate::block_on(async {
            let budget = Budget::new(300, 2, 4);
            let soon = || Instant::now() + Duration::from_millis(20);
            assert!(budget.turn(cost(100, 0), soon()).await.unwrap().is_none());
            let refusal = budget.turn(cost(201, 0), soon()).await.err().unwrap();
            assert_eq!(refusal.code, Code::TooLarge);
            assert!(refusal.detail.contains("`201`") && refusal.detail.contains("`200`"));

            let first = budget.turn(cost(200, 0), soon()).await.unwrap();
            assert!(first.is_some());
            let long = cost(1, ORDINARY_WORK + 1);
            let second = budget.turn(long, soon()).await.err().unwrap();
            assert_eq!(second.code, Code::DeadlinePassed);
            assert!(budget.turn(cost(100, 0), soon()).await.unwrap().is_none());
            drop(first);
            assert!(budget.turn(long, soon()).await.unwrap().is_some());
        });
    }

    #[test]
    fn all_workers_but_one_take_expensive_pictures_and_one_at_a_time_a_large_one() {
        crate::block_on(async {
            let budget = Budget::new(500, 4, 8);
            let soon = || Instant::now() + Duration::from_millis(20);
            let (large, long) = (cost(200, 0), cost(1, ORDINARY_WORK + 1));
            let first = budget.turn(large, soon()).await.unwrap();
            assert!(budget.turn(large, soon()).await.is_err());
            let second = budget.turn(long, soon()).await.unwrap();
            let third = budget.turn(long, soon()).await.unwrap();
            assert!(budget.turn(long, soon()).await.is_err());
            drop(first);
            assert!(budget.turn(long, soon()).await.unwrap().is_some());
            drop((second, third));
        });
    }

    #[test]
    fn a_crowd_of_expensive_pictures_is_refused() {
        crate::block_on(async {
            let budget = Budget::new(300, 2, 2);
            let long = cost(1, ORDINARY_WORK + 1);
            let deadline = Instant::now() + Duration::from_mins(1);
            let _first = budget.turn(long, deadline).await.unwrap();
            let refusal = budget.turn(long, deadline).await.err().unwrap();
            assert_eq!(refusal.code, Code::Busy);
        });
    }

    #[test]
    fn all_parts_fit_into_the_memory() {
        let memory = 512 << 20;
        let demand = |workers, models, shadow| Demand {
            workers,
            models,
            shadow,
        };
        let sizing = Sizing::new(memory, demand(2, 1, false), None).unwrap();
        let fixed = BASE + 2 * FOR_SESSION;
        assert_eq!(fixed + sizing.uploads as u64 + sizing.decoding, memory);
        let with_shadow = Sizing::new(memory, demand(2, 1, true), None).unwrap();
        assert!(with_shadow.decoding < sizing.decoding);
        assert!(Sizing::new(memory, demand(64, 1, false), None).is_err());
        assert!(Sizing::new(memory, demand(2, 9, false), None).is_err());
        assert!(Sizing::new(memory, demand(2, 1, false), Some(512 << 20)).is_err());
        for workers in [1, 2, 64, 1000] {
            for demand in [demand(workers, 1, false), demand(workers, 5, true)] {
                assert!(Sizing::new(Sizing::unlimited(demand), demand, None).is_ok());
                let Err(Error::Memory { needed, .. }) = Sizing::new(0, demand, None) else {
                    panic!("nothing is enough");
                };
                assert!(Sizing::new(needed, demand, None).is_ok());
            }
        }
    }
}
