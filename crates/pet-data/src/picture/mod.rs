//! Image quality and duplicates.
//!
//! ```
//! use pet_data::picture::{Flaw, Picture};
//! use pet_image::{Format, Limits, RgbImage, encode_rgb};
//!
//! let grey = encode_rgb(&RgbImage::from_pixel(400, 300, [90; 3].into()), Format::Png)?;
//! let picture = Picture::of(&grey, &Limits::default())?;
//! assert_eq!(picture.flaws()[0].kind, Flaw::OneColour);
//! # Ok::<(), pet_image::Error>(())
//! ```

mod area;
mod duplicates;
mod fingerprint;
mod fit;
mod quality;
mod read;
mod thumbnail;

use pet_image::{Limits, decode};
use sha2::{Digest, Sha256};

pub use duplicates::{Duplicates, NearGroup};
pub use fingerprint::Fingerprint;
pub use quality::{Flaw, FoundFlaw, Measures};
pub use read::{fingerprints, inspect};

/// The measurements of one image.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Size, light and sharpness.
    pub measures: Measures,
    /// Its fingerprint; images with the same pixels are identical, even in different files.
    pub fingerprint: Fingerprint,
}

impl Picture {
    /// Decodes and measures an image file.
    ///
    /// # Errors
    ///
    /// As [`pet_image::decode`].
    pub fn of(bytes: &[u8], limits: &Limits) -> Result<Self, pet_image::Error> {
        let image = decode(bytes, limits)?.image;
        let mut hash = Sha256::new();
        hash.update(image.width().to_le_bytes());
        hash.update(image.as_raw());
        Ok(Self {
            measures: Measures::of(&image)?,
            fingerprint: Fingerprint::of_pixels(&image, hash.finalize().into())?,
        })
    }

    /// Its flaws.
    pub fn flaws(&self) -> Vec<FoundFlaw> {
        self.measures.flaws()
    }
}
