//! Whether a challenger may take the champion's place.
//!
//! Both are [`Measured`] on the same images, in each precision in which they are served. The [`Gate`] says what the
//! challenger has to reach by itself and beside the champion, and [`judge`] gives one [`Check`] for each limit. Without a
//! champion only the absolute limits count.
//!
//! ```
//! use pet_pipeline::promote::{Gate, Limit};
//!
//! let gate: Gate = serde_json::from_str(r#"{ "accuracy": { "threshold": 0.9, "min_absolute_change": 0.005 } }"#)?;
//! assert_eq!(gate.accuracy.threshold, Some(0.9));
//! assert_eq!(gate.size_mb, Gate::default().size_mb, "what the file does not name stays");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod check;
mod gate;
mod images;
mod latency;
mod mcnemar;
mod measured;
mod report;

pub use check::{Check, Kind, judge};
pub use gate::{Gate, Limit, Metric, Requirement, Significance};
pub use images::check_trained_on;
pub use latency::latency_ms;
pub use mcnemar::Paired;
pub use measured::Measured;
pub use report::{Comparison, Contender, Figures, Promotion, Verdict};
