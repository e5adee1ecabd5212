//! Promotion: comparison of a challenger with the champion.
//!
//! Both are [`Measured`] on the same images, in each precision in which they are served. A [`Gate`] has limits for the
//! challenger's metrics and for changes compared with the champion; [`Gate::evaluate`] returns a [`Check`] for each.
//! Without a champion, only absolute limits apply.
//!
//! ```
//! use pet_pipeline::promote::{Gate, Limit};
//!
//! let gate: Gate = serde_json::from_str(r#"{ "accuracy": { "threshold": 0.9, "min_absolute_change": 0.005 } }"#)?;
//! assert_eq!(gate.accuracy.threshold, Some(0.9));
//! assert_eq!(gate.size_mb, Gate::default().size_mb, "metrics that are not given have the default");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod check;
mod gate;
mod latency;
mod mcnemar;
mod measured;
mod report;

pub use check::{Check, Kind};
pub use gate::{Gate, Limit, Metric, Requirement, Significance};
pub use latency::latency_ms;
pub use mcnemar::Paired;
pub use measured::{Measured, NoKnown};
pub use report::{Comparison, Contender, ContenderMetrics, Promotion, Verdict};
