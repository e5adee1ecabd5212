//! Oxford-IIIT Pet: 37 breeds of cats and dogs (Parkhi et al., "Cats and Dogs", CVPR 2012).
//!
//! The layout is torchvision's: `images/NAME_NUMBER.jpg`, with `annotations/trainval.txt` and
//! `annotations/test.txt` listing the images and their classes. Other files of the official archives are
//! ignored. A few images are not JPEG in spite of their name, so formats are detected by content.

mod annotation;
mod class_names;
#[cfg(feature = "download")]
mod download;
mod load;

pub use class_names::class_names;
#[cfg(feature = "download")]
pub use download::{Archive, Source, UnpackLimits, download, download_from};
pub use load::{NAME, load};
