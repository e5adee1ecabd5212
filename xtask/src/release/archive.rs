//! A compressed archive with its checksum.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::workspace::unless_missing;

/// A file of the archive.
#[derive(Debug)]
pub(super) struct Entry {
    path: String,
    mode: u32,
    contents: Vec<u8>,
}

impl Entry {
    /// A file that can be run.
    pub(super) fn program(path: impl Into<String>, contents: Vec<u8>) -> Self {
        Self {
            path: path.into(),
            mode: 0o755,
            contents,
        }
    }

    pub(super) fn text(path: impl Into<String>, contents: Vec<u8>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            contents,
        }
    }
}

/// Files in one folder, which is called as the archive.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

impl Archive {
    /// Writes `NAME.tar.gz` and `NAME.tar.gz.sha256` into a folder; the path of the archive.
    pub(super) fn write(&self, folder: &Path) -> Result<PathBuf, Error> {
        fs_err::create_dir_all(folder)?;
        let bytes = self.bytes()?;
        let file = format!("{}.tar.gz", self.name);
        let checksum = format!("{:x}  {file}\n", Sha256::digest(&bytes));
        let path = folder.join(&file);
        // In this order: an archive with another one's checksum would be taken for a broken one.
        let beside = folder.join(format!("{file}.sha256"));
        unless_missing(fs_err::remove_file(&beside))?;
        replace(&path, &bytes)?;
        replace(&beside, checksum.as_bytes())?;
        Ok(path)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let compressed = GzEncoder::new(Vec::new(), Compression::best());
        let mut archive = tar::Builder::new(compressed);
        for entry in &self.entries {
            // Neither owner nor time of this machine: the same files give the same bytes.
            let mut header = tar::Header::new_gnu();
            header.set_mode(entry.mode);
            header.set_size(entry.contents.len() as u64);
            let path = format!("{}/{}", self.name, entry.path);
            archive.append_data(&mut header, path, entry.contents.as_slice())?;
        }
        archive.into_inner()?.finish()
    }
}

/// Writes beside the place first, so that nobody sees the half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut file = fs_err::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs_err::rename(part, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        Archive {
            name: "name".to_owned(),
            entries: vec![
                Entry::program("program", b"run".to_vec()),
                Entry::text("folder/text", b"read".to_vec()),
            ],
        }
    }

    #[test]
    fn what_is_packed_comes_out() {
        let bytes = archive().bytes().unwrap();
        let plain = flate2::read::GzDecoder::new(bytes.as_slice());
        let mut archive = tar::Archive::new(plain);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let text = io::read_to_string(&mut entry).unwrap();
            let path = entry.path().unwrap().into_owned();
            (path, entry.header().mode().unwrap(), text)
        });
        let expected = [
            ("name/program".into(), 0o755, "run".to_owned()),
            ("name/folder/text".into(), 0o644, "read".to_owned()),
        ];
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        assert_eq!(archive().bytes().unwrap(), archive().bytes().unwrap());
    }

    #[test]
    fn an_earlier_archive_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let other = Archive {
            name: "name".to_owned(),
            entries: Vec::new(),
        };
        other.write(folder.path()).unwrap();
        let path = archive().write(folder.path()).unwrap();
        let entries = fs_err::read_dir(folder.path()).unwrap();
        assert_eq!(entries.count(), 2);
        let digest = Sha256::digest(fs_err::read(path).unwrap());
        let checksum = fs_err::read_to_string(folder.path().join("name.tar.gz.sha256"));
        assert_eq!(checksum.unwrap(), format!("{digest:x}  name.tar.gz\n"));
    }
}
