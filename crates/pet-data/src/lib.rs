//! Labelled image data sets: Oxford-IIIT Pet, folders of classes, a generated sample, seeded splits.
//!
//! ```
//! use pet_data::{folder, sample, stratified_split};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let place = tempfile::tempdir()?;
//! let root = place.path().join("pets");
//! let options = sample::Options {
//!     images_per_class: 5,
//!     test_images_per_class: 1,
//!     ..sample::Options::default()
//! };
//! sample::generate(&root, &options)?;
//!
//! let dataset = folder::load(&root)?;
//! assert!(dataset.classes.contains(&"Siamese Cat".to_owned()));
//!
//! let split = stratified_split(&dataset.train, 0.2, 42, &[])?;
//! assert_eq!(split.validation.len(), dataset.classes.len());
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! - [`folder::load`], [`oxford::load`], [`sample::generate`]: loaders. Each returns a [`Dataset`] of
//!   [`Sample`]s without reading images; [`walk`] has the rules of what is an image.
//! - [`picture`]: finds unreadable, blurred, dark or duplicate images.
//! - [`stratified_split`], [`grouped_folds`]: seeded [`Split`]s; [`series_groups`]: what they keep together.
//! - [`Progress`]: how long tasks report their progress.

mod dataset;
mod digest;
mod error;
pub mod folder;
mod layout;
pub mod oxford;
#[cfg(feature = "pictures")]
pub mod picture;
mod progress;
mod read;
#[cfg(feature = "sample")]
pub mod sample;
mod series;
mod split;
pub mod walk;

pub use dataset::{Dataset, Sample};
pub use digest::FileDigests;
pub use error::{Error, MirrorFailure};
pub use progress::{Progress, Silent, Unit, task};
pub use read::{ReadError, UnreadableImage, file_reason, read_at_most};
pub use series::series_groups;
pub use split::{Split, grouped_folds, stratified_split};
pub use walk::LeftOut;
