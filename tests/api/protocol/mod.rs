//! Interfaces for other programs: the Open Inference Protocol, the metrics, the documentation.
//!
//! Some tests run these programs: Triton's client and Prometheus' parser in the Python of `PET_PYTHON`, schemathesis in that
//! of `PET_SCHEMATHESIS_PYTHON`; `cargo xtask ci` creates both environments. Without them these tests are skipped.

mod documentation;
pub(crate) mod inference;
mod metrics;
pub(crate) mod python;
mod schemathesis;
