//! What other programs rely on: the Open Inference Protocol, the metrics, the documentation.
//!
//! Some tests let these programs speak themselves: Triton's client and Prometheus' parser from the
//! Python of `PET_PYTHON`, schemathesis from that of `PET_SCHEMATHESIS_PYTHON`; `cargo xtask ci`
//! makes both. Without them these tests are skipped.

mod documentation;
mod inference;
mod metrics;
mod python;
mod schemathesis;
