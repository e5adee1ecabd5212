//! Finding the images of a folder.
//!
//! - Images are recognized by their extension, case-insensitively. Formats that cannot be decoded are
//!   included, so that decoding reports them.
//! - Hidden files and folders, whose names begin with a dot, are skipped.
//! - Files of operating systems and archives, such as `__MACOSX`, `Thumbs.db` and `._photo.jpg`, are skipped.
//! - Links to files are followed. Links to folders are not, which prevents loops; only a class folder may
//!   be one.
//! - The sidecar file of an image, such as `photo.json` beside `photo.jpg`, is ignored.
//! - Skipped files are counted by reason: [`LeftOut`].

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use pet_image::Format;
use serde::Serialize;

use crate::Error;

/// Other extensions of each [`Format`], and image formats that cannot be decoded.
const EXTENSIONS: [&str; 21] = [
    "jpeg", "jpe", "jfif", "dib", "tif", "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k", "dng",
    "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2", "psd",
];

/// Files of operating systems and archives whose names are not hidden, in lower case.
const LEFTOVERS: [&str; 7] = [
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    "@eadir",
];

/// Why a file or folder was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Hidden,
    Leftover,
    FolderLink,
    /// A link to nothing, a device, a pipe or a socket.
    NotAFile,
    OtherFile,
    NoClass,
}

impl Reason {
    /// Singular and plural for messages.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Hidden => ("hidden file or folder", "hidden files or folders"),
            Self::Leftover => {
                ("operating system or archive leftover", "operating system or archive leftovers")
            }
            Self::FolderLink => ("link to a folder", "links to folders"),
            Self::NotAFile => ("broken link or special file", "broken links or special files"),
            Self::OtherFile => ("file that is not an image", "files that are not images"),
            Self::NoClass => {
                ("image outside the class folders", "images outside the class folders")
            }
        }
    }
}

/// Number of skipped files and folders by reason. The content of a skipped folder is not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LeftOut(BTreeMap<Reason, usize>);

impl LeftOut {
    /// Whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        for (&reason, count) in &other.0 {
            *self.0.entry(reason).or_default() += count;
        }
    }

    fn note(&mut self, reason: Reason) {
        *self.0.entry(reason).or_default() += 1;
    }
}

/// Such as `2 hidden files or folders, 1 link to a folder`.
impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (reason, &count)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let (one, several) = reason.words();
            let words = if count == 1 { one } else { several };
            write!(formatter, "{separator}{count} {words}")?;
        }
        Ok(())
    }
}

/// The images in `folder` and below it, sorted by path. Skipped entries are counted in `left_out`.
///
/// # Errors
///
/// [`Error::Io`] for a folder that cannot be read.
pub fn images(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>, Error> {
    let mut images = Vec::new();
    // A list instead of recursion, so that deep folders cannot overflow the stack.
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for (path, kind) in entries(&folder, left_out)? {
            match kind {
                Kind::Folder => folders.push(path),
                Kind::FolderLink => left_out.note(Reason::FolderLink),
                Kind::Image => images.push(path),
            }
        }
    }
    images.sort_unstable();
    Ok(images)
}

/// The folders directly in `folder`, sorted by name, including links to folders unless they form a
/// loop.
pub(crate) fn class_folders(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>, Error> {
    let here = fs_err::canonicalize(folder)?;
    let mut folders = Vec::new();
    for (path, kind) in entries(folder, left_out)? {
        match kind {
            Kind::FolderLink if here.starts_with(fs_err::canonicalize(&path)?) => {
                left_out.note(Reason::FolderLink);
            }
            Kind::Folder | Kind::FolderLink => folders.push(path),
            Kind::Image => left_out.note(Reason::NoClass),
        }
    }
    folders.sort_unstable_by(|one, other| one.file_name().cmp(&other.file_name()));
    Ok(folders)
}

/// The name of a class, if it is valid.
pub(crate) fn class_name(folder: &Path) -> Result<String, Error> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let usable = |name: &&str| !name.trim().is_empty() && !name.contains(char::is_control);
    name.filter(usable)
        .map(str::to_owned)
        .ok_or_else(|| Error::ClassName { path: folder.to_owned() })
}

enum Kind {
    Folder,
    FolderLink,
    Image,
}

/// The entries of `folder` that are not skipped.
fn entries(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<(PathBuf, Kind)>, Error> {
    let (mut kept, mut described) = (Vec::new(), Vec::new());
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        match kind(&path) {
            Ok(kind) => kept.push((path, kind)),
            Err(Reason::OtherFile) if path.extension().is_some_and(|end| end == "json") => {
                described.push(path);
            }
            Err(reason) => left_out.note(reason),
        }
    }
    let images = kept.iter().filter(|(_, kind)| matches!(kind, Kind::Image));
    let images: HashSet<_> = images.map(|(path, _)| path.file_stem()).collect();
    for path in described {
        if !images.contains(&path.file_stem()) {
            left_out.note(Reason::OtherFile);
        }
    }
    Ok(kept)
}

fn kind(path: &Path) -> Result<Kind, Reason> {
    let name = path.file_name().unwrap_or_default();
    let bytes = name.as_encoded_bytes();
    let leftover = LEFTOVERS.iter().any(|leftover| name.eq_ignore_ascii_case(leftover));
    if leftover || bytes.starts_with(b"._") || bytes == b".DS_Store" {
        return Err(Reason::Leftover);
    }
    if bytes.starts_with(b".") {
        return Err(Reason::Hidden);
    }
    // Follows links.
    let metadata = path.metadata().map_err(|_| Reason::NotAFile)?;
    match () {
        () if metadata.is_dir() && path.is_symlink() => Ok(Kind::FolderLink),
        () if metadata.is_dir() => Ok(Kind::Folder),
        () if !metadata.is_file() => Err(Reason::NotAFile),
        () if has_image_extension(path) => Ok(Kind::Image),
        () => Err(Reason::OtherFile),
    }
}

fn has_image_extension(path: &Path) -> bool {
    let formats = Format::ALL.iter().map(|format| format.extension());
    let mut known = formats.chain(EXTENSIONS);
    path.extension()
        .is_some_and(|extension| known.any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
pub(crate) mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder with these files, all of them empty.
    pub(crate) fn tree(files: &[&str]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, b"").unwrap();
        }
        root
    }

    fn listed(root: &TempDir) -> (Vec<String>, LeftOut) {
        let mut left_out = LeftOut::default();
        let images = images(root.path(), &mut left_out).unwrap();
        let names = images.iter().map(|path| {
            let path = path.strip_prefix(root.path()).unwrap();
            path.to_str().unwrap().replace('\\', "/")
        });
        (names.collect(), left_out)
    }

    #[test]
    fn images_of_every_letter_case_and_depth_are_found_in_order() {
        let root = tree(&["b.JPG", "a/deep/er/c.WebP", "IMG.HEIC", "scan.tiff", "d.dib"]);
        let (names, left_out) = listed(&root);
        assert_eq!(names, ["IMG.HEIC", "a/deep/er/c.WebP", "b.JPG", "d.dib", "scan.tiff"]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn what_is_left_out_is_counted_by_reason() {
        let root = tree(&[
            "1.jpg",
            "._1.jpg",
            ".DS_Store",
            "__MACOSX/cat/._1.jpg",
            "THUMBS.DB",
            ".git/HEAD",
            "notes.txt",
            "noextension",
        ]);
        let (names, left_out) = listed(&root);
        assert_eq!(names, ["1.jpg"]);
        assert_eq!(
            left_out.to_string(),
            "1 hidden file or folder, 4 operating system or archive leftovers, 2 files that are not images"
        );
        assert_eq!(
            serde_json::to_value(&left_out).unwrap(),
            serde_json::json!({ "hidden": 1, "leftover": 4, "other_file": 2 })
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_are_followed_and_loops_end() {
        use std::os::unix::fs::symlink;
        let root = tree(&["a/1.jpg"]);
        let at = |name: &str| root.path().join(name);
        symlink(at("a/1.jpg"), at("linked.jpg")).unwrap();
        symlink(root.path(), at("a/loop")).unwrap();
        symlink(at("nothing"), at("broken.jpg")).unwrap();
        let (names, left_out) = listed(&root);
        assert_eq!(names, ["a/1.jpg", "linked.jpg"]);
        assert_eq!(left_out.to_string(), "1 link to a folder, 1 broken link or special file");
    }

    #[test]
    fn a_very_deep_folder_needs_no_stack() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = root.path().to_owned();
        folder.extend(std::iter::repeat_n("d", 1000));
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("1.png"), b"").unwrap();
        assert_eq!(listed(&root).0.len(), 1);
    }
}
