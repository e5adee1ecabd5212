//! Where the work is done: threads that take it from a bounded queue.
//!
//! A handler never decodes or predicts by itself. It hands a closure to the [`Queue`], which a
//! [`Worker`] calls on its own thread, and awaits the result:
//!
//! ```text
//! let done = state.queue.run(deadline, move |worker| worker.predict(&photograph)).await?;
//! let done = state.queue.run(deadline, move |worker| worker.run_tensor(&tensor, 4)).await?;
//! let done = state.queue.run(deadline, move |_| Ok(pet_image::grayscale(&image))).await?;
//! ```
//!
//! `done.value` is what the closure gave, `done.waited` how long it was queued. A full queue is
//! [`Code::Busy`](crate::Code::Busy), a passed deadline
//! [`Code::DeadlinePassed`](crate::Code::DeadlinePassed). A handler that is dropped, since its
//! client has gone, takes its work with it: it is skipped when its turn comes. Metrics of the queue
//! and of each phase are recorded here, not by the handlers.

mod queue;
mod thread;

pub(crate) use queue::Queue;
pub(crate) use thread::{Worker, start};
