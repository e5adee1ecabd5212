//! Helpers of the tests across the crates: paths, images, a stand-in for a trained model.
//!
//! Functions that look for something optional print `skipped: TEST: REASON` and return `None` if it is missing.
//!
//! The feature `training` adds the helpers that need candle and MLflow. The tests of the service do without it.
//!
//! | variable | meaning |
//! |---|---|
//! | `PET_RESULTS` | the results folder to test, instead of the committed `results/` |
//! | `PET_SHARED_DATA` | folder with the photographs (`originals/`), instead of `../shared/data` |
//! | `PET_PYTHON` | a Python that can import `onnx` |
//! | `PET_REQUIRE_RUNTIME` | `1`: a missing ONNX Runtime is a failure, not a reason to skip |

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up has failed"
)]

mod environment;
mod images;
mod models;
mod service;
#[cfg(feature = "training")]
mod stand_in;

pub use environment::{python_with_onnx, results, results_are_committed, root, runtime, skipped};
pub use images::{
    HUGE_PNG, breed_of, gradient, photographs, sample_pictures, shared_data, small_data_set,
    truncated_jpeg,
};
pub use models::{colours_data_set, colours_results, largest_difference, recipe, sha256, tensors};
pub use service::Service;
#[cfg(feature = "training")]
pub use stand_in::{
    Store, VERSIONS, backbone_bytes, backbone_bytes_of, classifier_weights, classifier_weights_of,
    metadata, results_folder, results_folder_of, set_temperature,
};
