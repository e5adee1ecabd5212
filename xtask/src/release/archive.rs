//! A tar archive with its checksum.

use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::workspace::ignore_missing;

/// Path, mode and content of a file in the archive.
pub(super) type Entry = (String, u32, Vec<u8>);

/// Writes `NAME.tar.gz` and `NAME.tar.gz.sha256` into a folder; returns the path of the archive.
pub(super) fn write(folder: &Path, name: &str, entries: &[Entry]) -> Result<PathBuf, Error> {
    fs_err::create_dir_all(folder)?;
    let bytes = pack(name, entries)?;
    let file = format!("{name}.tar.gz");
    let checksum = format!("{:x}  {file}\n", Sha256::digest(&bytes));
    let path = folder.join(&file);
    // The checksum comes last, so that a half-written archive has none.
    let checksum_path = folder.join(format!("{file}.sha256"));
    ignore_missing(fs_err::remove_file(&checksum_path))?;
    fs_err::write(&path, bytes)?;
    fs_err::write(checksum_path, checksum)?;
    Ok(path)
}

/// Packs the files into a folder with the archive's name.
fn pack(name: &str, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let compressed = GzEncoder::new(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(compressed);
    for (path, mode, contents) in entries {
        // Without owner and time, the same files give the same bytes.
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, format!("{name}/{path}"), contents.as_slice())?;
    }
    archive.into_inner()?.finish()
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
    fn packing_is_lossless_and_reproducible() {
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
    fn an_archive_is_replaced_with_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "name", &[]).unwrap();
        let path = write(folder.path(), "name", &entries()).unwrap();
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
        let digest = Sha256::digest(fs_err::read(path).unwrap());
        let checksum = fs_err::read_to_string(folder.path().join("name.tar.gz.sha256"));
        assert_eq!(checksum.unwrap(), format!("{digest:x}  name.tar.gz\n"));
    }
}
