//! The memory and the time that decoding may take.
//!
//! Most photographs are ordinary: each worker always has memory for one of them. An image that needs more memory or more
//! time is expensive. Images that need more memory are decoded one at a time, which bounds the memory; and all expensive
//! images together occupy at most all workers but one, so that one worker is always free for ordinary requests.

use std::sync::Arc;

use pet_image::Cost;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, Code};

/// Stack size of a thread that decodes: that of the main thread of a Linux process, whatever the environment says. No decoder here
/// recurses with the depth of its input.
pub(crate) const STACK_SIZE: usize = 8 << 20;

/// Maximum memory for decoding an ordinary image, in bytes.
const MAX_ORDINARY_BYTES: u64 = 64 << 20;

/// Maximum work for an ordinary image, in pixels; see [`Cost`]; takes about a fifth of a second.
pub(crate) const MAX_ORDINARY_WORK: u64 = 40_000_000;

/// The shadow's part of the memory for decoding: as much as each of the workers has for an ordinary image.
pub(crate) fn shadow_memory(memory: u64, workers: usize) -> u64 {
    (memory / (workers as u64 + 2)).min(MAX_ORDINARY_BYTES)
}

pub(crate) struct Budget {
    /// Maximum memory for an ordinary image, in bytes.
    ordinary: u64,
    /// Maximum memory for any image, in bytes.
    expensive: u64,
    /// A single permit, for images that need more memory than ordinary ones.
    large: Arc<Semaphore>,
    /// A permit for each worker that expensive images may occupy.
    workers: Arc<Semaphore>,
    /// A permit for each expensive image that may wait or be worked on.
    waiting: Arc<Semaphore>,
}

impl Budget {
    /// A budget of `memory` bytes; expensive images may fill half of a queue of `capacity`.
    pub(crate) fn new(memory: u64, workers: usize, capacity: usize) -> Self {
        let others = workers.saturating_sub(1);
        let ordinary = (memory / (workers as u64 + 1)).min(MAX_ORDINARY_BYTES);
        Self {
            ordinary,
            expensive: memory - ordinary * others as u64,
            large: Arc::new(Semaphore::new(1)),
            workers: Arc::new(Semaphore::new(others.max(1))),
            waiting: Arc::new(Semaphore::new(capacity.div_ceil(2))),
        }
    }

    /// Waits until there are memory and a worker for an expensive image, and returns the permits to hold during the work; an
    /// ordinary one needs none.
    pub(crate) async fn acquire(
        &self,
        cost: Cost,
        deadline: Instant,
    ) -> Result<Vec<OwnedSemaphorePermit>, ApiError> {
        if cost.memory > self.expensive {
            let (needed, limit) = (cost.memory, self.expensive);
            let detail = format!(
                "processing the image needs `{needed}` bytes of memory, more than the limit of `{limit}`"
            );
            let error = ApiError::new(Code::TooLarge, detail);
            return Err(error.with_hint("scale the image down first"));
        }
        let is_large = cost.memory > self.ordinary;
        if !is_large && cost.work <= MAX_ORDINARY_WORK {
            return Ok(Vec::new());
        }
        let busy = |_| ApiError::new(Code::Busy, "too many large images are already waiting");
        let mut permits = vec![self.waiting.clone().try_acquire_owned().map_err(busy)?];
        // Always in this order, so that there is no deadlock.
        if is_large {
            permits.push(permit(&self.large, deadline).await?);
        }
        permits.push(permit(&self.workers, deadline).await?);
        Ok(permits)
    }
}

/// Waits for a permit until the deadline.
pub(crate) async fn permit(
    permits: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, ApiError> {
    let permit = timeout_at(deadline, permits.clone().acquire_owned()).await;
    permit.ok().and_then(Result::ok).ok_or_else(ApiError::deadline_passed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cost(memory: u64, work: u64) -> Cost {
        Cost { pixels: 0, memory, work }
    }

    #[test]
    fn expensive_images_wait_for_each_other_and_ordinary_ones_do_not() {
        crate::block_on(async {
            let budget = Budget::new(300, 2, 4);
            let soon = || Instant::now() + Duration::from_millis(20);
            assert!(budget.acquire(cost(100, 0), soon()).await.unwrap().is_empty());
            let error = budget.acquire(cost(201, 0), soon()).await.err().unwrap();
            assert_eq!(error.code, Code::TooLarge);
            assert!(error.detail.contains("`201`") && error.detail.contains("`200`"));

            let first = budget.acquire(cost(200, 0), soon()).await.unwrap();
            assert!(!first.is_empty());
            let long = cost(1, MAX_ORDINARY_WORK + 1);
            let second = budget.acquire(long, soon()).await.err().unwrap();
            assert_eq!(second.code, Code::DeadlinePassed);
            assert!(budget.acquire(cost(100, 0), soon()).await.unwrap().is_empty());
            drop(first);
            assert!(!budget.acquire(long, soon()).await.unwrap().is_empty());
        });
    }

    #[test]
    fn expensive_images_leave_one_worker_free_and_large_ones_run_alone() {
        crate::block_on(async {
            let budget = Budget::new(500, 4, 8);
            let soon = || Instant::now() + Duration::from_millis(20);
            let (large, long) = (cost(200, 0), cost(1, MAX_ORDINARY_WORK + 1));
            let first = budget.acquire(large, soon()).await.unwrap();
            assert!(budget.acquire(large, soon()).await.is_err());
            let second = budget.acquire(long, soon()).await.unwrap();
            let third = budget.acquire(long, soon()).await.unwrap();
            assert!(budget.acquire(long, soon()).await.is_err());
            drop(first);
            assert!(!budget.acquire(long, soon()).await.unwrap().is_empty());
            drop((second, third));
        });
    }

    #[test]
    fn too_many_expensive_images_are_rejected() {
        crate::block_on(async {
            let budget = Budget::new(300, 2, 2);
            let long = cost(1, MAX_ORDINARY_WORK + 1);
            let deadline = Instant::now() + Duration::from_mins(1);
            let _first = budget.acquire(long, deadline).await.unwrap();
            let error = budget.acquire(long, deadline).await.err().unwrap();
            assert_eq!(error.code, Code::Busy);
        });
    }
}
