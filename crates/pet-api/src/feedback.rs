//! Corrections: pictures that are kept with the class that a person says is right.
//!
//! They lie as data sets do, in a folder for each class. Beside each picture is what the model had answered:
//!
//! ```text
//! DIR/Bengal/1764201600-0123456789abcdef.jpg
//! DIR/Bengal/1764201600-0123456789abcdef.json
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::{ApiError, Code};

/// Hexadecimal digits of the picture's digest in the name of its file.
const DIGITS: usize = 16;

/// Bytes that the name of a folder may have on usual file systems.
const LONGEST: usize = 255;

/// The ending of what lies beside a picture.
const BESIDE: &str = "json";

/// Where corrections are kept, and how many.
#[derive(Clone, Debug)]
pub struct FeedbackFolder {
    /// The folder; made when it is missing.
    pub folder: PathBuf,
    /// Bytes that its files may have together.
    pub bytes: u64,
    /// Pictures that it may hold.
    pub count: u64,
}

/// A picture that was corrected or confirmed.
#[derive(Serialize)]
pub(crate) struct Correction<'a> {
    /// The right class, as the person says.
    pub(crate) class: &'a str,
    pub(crate) predicted_class: &'a str,
    pub(crate) confidence: f32,
    pub(crate) model_name: &'a str,
    pub(crate) model_version: Option<&'a str>,
}

/// What is kept.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Kept {
    /// Pictures that are kept.
    count: u64,
    /// Bytes of all files.
    bytes: u64,
    /// Pictures of each class.
    classes: BTreeMap<String, u64>,
}

/// Keeps corrections up to its limits.
pub(crate) struct Feedback {
    settings: FeedbackFolder,
    /// Held while a picture is written, so that two never share what is left.
    kept: Mutex<Kept>,
}

impl Feedback {
    /// Makes the folder if it is missing, and counts what it holds.
    pub(crate) fn open(settings: FeedbackFolder) -> std::io::Result<Self> {
        fs_err::create_dir_all(&settings.folder)?;
        let mut kept = Kept::default();
        for class in fs_err::read_dir(&settings.folder)? {
            let class = class?;
            if !class.file_type()?.is_dir() {
                continue;
            }
            let name = class.file_name().to_string_lossy().into_owned();
            for file in fs_err::read_dir(class.path())? {
                let file = file?;
                let is_picture = file.path().extension().is_some_and(|end| end != BESIDE);
                kept.add(&name, file.metadata()?.len(), u64::from(is_picture));
            }
        }
        let kept = Mutex::new(kept);
        Ok(Self { settings, kept })
    }

    /// What is kept now.
    pub(crate) fn kept(&self) -> Kept {
        let kept = self.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn settings(&self) -> &FeedbackFolder {
        &self.settings
    }

    /// Keeps a picture, the bytes of a file whose name ends in `extension`.
    pub(crate) fn keep(
        &self,
        picture: &[u8],
        extension: &str,
        correction: &Correction<'_>,
    ) -> Result<(), ApiError> {
        let folder = self.class_folder(correction.class)?;
        let mut beside = serde_json::to_vec(correction).map_err(|e| ApiError::internal(&e))?;
        beside.push(b'\n');
        let bytes = (picture.len() + beside.len()) as u64;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_room(&kept, bytes)?;
        let name = name(picture);
        let write = || {
            fs_err::create_dir_all(&folder)?;
            let beside_at = folder.join(format!("{name}.{BESIDE}"));
            write_new(&beside_at, &beside)?;
            write_new(&folder.join(format!("{name}.{extension}")), picture)
                .inspect_err(|_| drop(fs_err::remove_file(&beside_at)))
        };
        match write() {
            Ok(()) => kept.add(correction.class, bytes, 1),
            // The same picture within the same second: it is kept already.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                // A class folder without pictures is no data set; one that holds some is not removed.
                let _ = fs_err::remove_dir(&folder);
                return Err(ApiError::internal(&error));
            }
        }
        Ok(())
    }

    fn has_room(&self, kept: &Kept, bytes: u64) -> Result<(), ApiError> {
        let FeedbackFolder {
            bytes: most_bytes,
            count: most,
            ..
        } = self.settings;
        if kept.count < most && kept.bytes.saturating_add(bytes) <= most_bytes {
            return Ok(());
        }
        let detail = format!(
            "the folder for corrections is full: it may hold `{most}` pictures and `{most_bytes}` bytes"
        );
        let hint = "whoever runs the service can empty it or allow more".to_owned();
        Err(ApiError::new(Code::Full, detail).with_hint(hint))
    }

    /// The folder of a class. The names of classes come from a model file, which may be hostile.
    fn class_folder(&self, class: &str) -> Result<PathBuf, ApiError> {
        let mut parts = Path::new(class).components();
        let is_name = parts.next() == Some(Component::Normal(class.as_ref()))
            && parts.next().is_none()
            && !class.starts_with('.')
            && class.len() <= LONGEST
            && !class.contains(['/', '\\', ':'])
            && !class.contains(char::is_control);
        if is_name {
            return Ok(self.settings.folder.join(class));
        }
        let detail = format!("the class `{class}` cannot name a folder");
        Err(ApiError::parameter(detail))
    }
}

impl Kept {
    fn add(&mut self, class: &str, bytes: u64, pictures: u64) {
        self.count += pictures;
        self.bytes += bytes;
        *self.classes.entry(class.to_owned()).or_default() += pictures;
    }
}

/// Nothing of it comes from the client.
fn name(picture: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut digest = format!("{:x}", Sha256::digest(picture));
    digest.truncate(DIGITS);
    format!("{}-{digest}", now.unwrap_or_default().as_secs())
}

/// Writes beside the place and renames, unless something is there.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}
