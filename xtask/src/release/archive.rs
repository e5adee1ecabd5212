//! A compressed archive with its checksum.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::workspace::unless_missing;

/// A file of the archive: its path, its mode and what it holds.
pub(super) type Entry = (String, u32, Vec<u8>);

/// Writes `NAME.tar.gz` and `NAME.tar.gz.sha256` into a folder; the path of the archive.
pub(super) fn write(folder: &Path, name: &str, entries: &[Entry]) -> Result<PathBuf, Error> {
    fs_err::create_dir_all(folder)?;
    let bytes = pack(name, entries)?;
    let file = format!("{name}.tar.gz");
    let checksum = format!("{:x}  {file}\n", Sha256::digest(&bytes));
    let path = folder.join(&file);
    // In this order: an archive with another one's checksum would be taken for a broken one.
    let beside = folder.join(format!("{file}.sha256"));
    unless_missing(fs_err::remove_file(&beside))?;
    replace(&path, &bytes)?;
    replace(&beside, checksum.as_bytes())?;
    Ok(path)
}

/// The bytes of an archive whose files lie in one folder, which is called as the archive.
fn pack(name: &str, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let compressed = GzEncoder::new(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(compressed);
    for (path, mode, contents) in entries {
        // Neither owner nor time of this machine: the same files give the same bytes.
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, format!("{name}/{path}"), contents.as_slice())?;
    }
    archive.into_inner()?.finish()
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

    fn entries() -> [Entry; 2] {
        [
            ("program".into(), 0o755, b"run".to_vec()),
            ("folder/text".into(), 0o644, b"read".to_vec()),
        ]
    }

    #[test]
    fn what_is_packed_comes_out_and_always_the_same() {
        let bytes = pack("name", &entries()).unwrap();
        assert_eq!(bytes, pack("name", &entries()).unwrap());
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let found = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut contents = Vec::new();
            io::Read::read_to_end(&mut entry, &mut contents).unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap(), contents)
        });
        let expected = entries().map(|(path, mode, bytes)| (format!("name/{path}"), mode, bytes));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_earlier_archive_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "name", &[]).unwrap();
        let path = write(folder.path(), "name", &entries()).unwrap();
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
        let digest = Sha256::digest(fs_err::read(path).unwrap());
        let checksum = fs_err::read_to_string(folder.path().join("name.tar.gz.sha256"));
        assert_eq!(checksum.unwrap(), format!("{digest:x}  name.tar.gz\n"));
    }
}
