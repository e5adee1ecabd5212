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

mod colours;
mod labels;
mod photographs;
mod pictures;
mod places;
mod program;
mod service;
#[cfg(feature = "training")]
mod stand_in;
#[cfg(feature = "training")]
mod store;
mod tensors;

pub use colours::{colours_data_set, colours_results};
pub use labels::breed_of;
pub use photographs::{photographs, shared_data};
pub use pictures::{HUGE_PNG, gradient, sample_pictures, small_data_set, truncated_jpeg};
pub use places::{results, results_are_committed, root};
pub use program::{python_with_onnx, runtime, skipped};
pub use service::Service;
#[cfg(feature = "training")]
pub use stand_in::{
    backbone_bytes, backbone_bytes_of, classifier_weights, classifier_weights_of, metadata,
    results_folder, results_folder_of, set_temperature,
};
#[cfg(feature = "training")]
pub use store::{Store, VERSIONS};
pub use tensors::{largest_difference, tensors};
