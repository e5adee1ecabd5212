//! Corrections: images that are stored with their correct class, as given by a person.
//!
//! They form a data set with a folder for each class. The model's prediction is next to each image:
//!
//! ```text
//! DIR/Bengal/1764201600-0123456789abcdef.jpg
//! DIR/Bengal/1764201600-0123456789abcdef.json
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::configuration::FeedbackFolder;
use crate::error::{ApiError, Code};

/// Hexadecimal digits of the image's digest in its file name.
const DIGEST_DIGITS: usize = 16;

/// Longest name of a folder on common file systems, in bytes.
const MAX_FOLDER_NAME: usize = 255;

/// Extension of the file with the prediction.
const SIDECAR_EXTENSION: &str = "json";

/// The correct class of an image, with the model's prediction.
#[derive(Serialize)]
pub(crate) struct Correction<'a> {
    /// The correct class, as given by the person.
    pub(crate) class: &'a str,
    pub(crate) predicted_class: &'a str,
    pub(crate) confidence: f32,
    pub(crate) model_name: &'a str,
    pub(crate) model_version: Option<&'a str>,
}

/// What is stored.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct FeedbackCounts {
    /// Number of saved photos.
    count: u64,
    /// Size of all files together, in bytes.
    bytes: u64,
    /// Number of saved photos of each class.
    classes: BTreeMap<String, u64>,
}

pub(crate) struct Feedback {
    pub(crate) settings: FeedbackFolder,
    /// Locked while an image is written, so that concurrent writes cannot exceed the limits.
    counts: Mutex<FeedbackCounts>,
}

impl Feedback {
    /// Creates the folder if it is missing, and counts its files.
    pub(crate) fn open(settings: FeedbackFolder) -> std::io::Result<Self> {
        fs_err::create_dir_all(&settings.folder)?;
        let mut counts = FeedbackCounts::default();
        for class in fs_err::read_dir(&settings.folder)? {
            let class = class?;
            if !class.file_type()?.is_dir() {
                continue;
            }
            let name = class.file_name().to_string_lossy().into_owned();
            for file in fs_err::read_dir(class.path())? {
                let file = file?;
                let path = file.path();
                let is_image = path.extension().is_some_and(|it| it != SIDECAR_EXTENSION);
                counts.add(&name, file.metadata()?.len(), u64::from(is_image));
            }
        }
        let counts = Mutex::new(counts);
        Ok(Self { settings, counts })
    }

    pub(crate) fn counts(&self) -> FeedbackCounts {
        self.counts.lock().clone()
    }

    pub(crate) fn store(
        &self,
        image: &[u8],
        extension: &str,
        correction: &Correction<'_>,
    ) -> Result<(), ApiError> {
        let folder = self.class_folder(correction.class)?;
        let mut sidecar = serde_json::to_vec(correction).map_err(ApiError::internal)?;
        sidecar.push(b'\n');
        let bytes = (image.len() + sidecar.len()) as u64;
        let mut counts = self.counts.lock();
        self.check_room(&counts, bytes)?;
        let stem = file_stem(image);
        let write = || {
            fs_err::create_dir_all(&folder)?;
            let sidecar_path = folder.join(format!("{stem}.{SIDECAR_EXTENSION}"));
            write_new(&sidecar_path, &sidecar)?;
            write_new(&folder.join(format!("{stem}.{extension}")), image)
                .inspect_err(|_| drop(fs_err::remove_file(&sidecar_path)))
        };
        match write() {
            Ok(()) => counts.add(correction.class, bytes, 1),
            // The same image was stored within the same second.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                // Removes a folder that was created for nothing; fails if it is not empty.
                let _ = fs_err::remove_dir(&folder);
                return Err(ApiError::internal(error));
            }
        }
        Ok(())
    }

    fn check_room(&self, counts: &FeedbackCounts, bytes: u64) -> Result<(), ApiError> {
        let FeedbackFolder { bytes: max_bytes, count: max_count, .. } = self.settings;
        if counts.count < max_count && counts.bytes.saturating_add(bytes) <= max_bytes {
            return Ok(());
        }
        let detail = format!(
            "the folder for corrections is full: its limits are `{max_count}` images and `{max_bytes}` bytes"
        );
        let hint = "the operator of the service can empty it or raise the limits";
        Err(ApiError::new(Code::Full, detail).with_hint(hint))
    }

    /// The folder of a class. Class names come from a model file, which may be hostile.
    fn class_folder(&self, class: &str) -> Result<PathBuf, ApiError> {
        let mut parts = Path::new(class).components();
        let is_name = parts.next() == Some(Component::Normal(class.as_ref()))
            && parts.next().is_none()
            && !class.starts_with('.')
            && class.len() <= MAX_FOLDER_NAME
            && !class.contains(['/', '\\', ':'])
            && !class.contains(char::is_control);
        if is_name {
            return Ok(self.settings.folder.join(class));
        }
        let detail = format!("the class `{class}` cannot be a folder name");
        Err(ApiError::bad_parameter(detail))
    }
}

impl FeedbackCounts {
    fn add(&mut self, class: &str, bytes: u64, images: u64) {
        self.count += images;
        self.bytes += bytes;
        *self.classes.entry(class.to_owned()).or_default() += images;
    }
}

/// A file name without extension, which contains nothing from the client.
fn file_stem(image: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut digest = format!("{:x}", Sha256::digest(image));
    digest.truncate(DIGEST_DIGITS);
    format!("{}-{digest}", now.unwrap_or_default().as_secs())
}

/// Writes a temporary file and renames it, unless the path exists.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}
