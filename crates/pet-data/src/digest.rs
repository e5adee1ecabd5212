use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Dataset, Error, Sample};

/// The SHA-256 of image files when their data set was hashed, with which a later reader notices that a file was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDigests(HashMap<PathBuf, [u8; 32]>);

impl FileDigests {
    /// Whether a file has changed, given the SHA-256 of its bytes now. `false` for a file that was not hashed.
    pub fn has_changed(&self, path: &Path, digest: &[u8; 32]) -> bool {
        self.0.get(path).is_some_and(|expected| expected != digest)
    }

    /// Hashes a file into `hash`.
    fn add(&mut self, hash: &mut Sha256, path: &Path) -> Result<(), Error> {
        let mut content = Sha256::new();
        std::io::copy(&mut fs_err::File::open(path)?, &mut content)?;
        let digest = content.finalize();
        hash.update(digest);
        self.0.insert(path.to_owned(), digest.into());
        Ok(())
    }
}

impl Dataset {
    /// SHA-256 over the content of the data set, in lower-case hexadecimal digits.
    ///
    /// It depends on the classes and their order, and on the relative path, class and bytes of all
    /// images; not on the location and name of the data set, the order of samples, or
    /// [added](Dataset::adding) images. The hashed content is (strings preceded by their length, numbers
    /// as 64-bit little-endian): the number of classes and their names; then for `train`, `test` and, unless it
    /// is empty, `validation` the number of samples and, sorted by path, each sample's path below
    /// [`Dataset::root`] with `/` separators, class index, and the SHA-256 of its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if an image cannot be read.
    pub fn digest(&self) -> Result<String, Error> {
        self.digest_files(&mut FileDigests::default())
    }

    /// [`digest`](Self::digest) that also adds the digest of each image to `files`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if an image cannot be read.
    pub fn digest_files(&self, files: &mut FileDigests) -> Result<String, Error> {
        let mut hash = Sha256::new();
        number(&mut hash, self.classes.len() as u64);
        for class in &self.classes {
            text(&mut hash, class.as_bytes());
        }
        for samples in [&self.train, &self.test] {
            self.hash_samples(&mut hash, samples, files)?;
        }
        if !self.validation.is_empty() {
            self.hash_samples(&mut hash, &self.validation, files)?;
        }
        Ok(format!("{:x}", hash.finalize()))
    }

    /// SHA-256 over the [added](Dataset::adding) images, in lower-case hexadecimal digits; `None` without any.
    ///
    /// The hashed content is, in order, each class index as a 64-bit little-endian number and the SHA-256 of the bytes;
    /// file names do not matter. The digest of each image is added to `files`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if an image cannot be read.
    pub fn added_digest(&self, files: &mut FileDigests) -> Result<Option<String>, Error> {
        if self.added.is_empty() {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        for sample in &self.added {
            number(&mut hash, sample.class as u64);
            files.add(&mut hash, &sample.path)?;
        }
        Ok(Some(format!("{:x}", hash.finalize())))
    }

    fn hash_samples(
        &self,
        hash: &mut Sha256,
        samples: &[Sample],
        files: &mut FileDigests,
    ) -> Result<(), Error> {
        let mut sorted: Vec<(Vec<u8>, &Sample)> =
            samples.iter().map(|sample| (relative(&sample.path, &self.root), sample)).collect();
        sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0));

        number(hash, sorted.len() as u64);
        for (path, sample) in sorted {
            text(hash, &path);
            number(hash, sample.class as u64);
            files.add(hash, &sample.path)?;
        }
        Ok(())
    }
}

/// `path` relative to `root`, with `/` separators on every system.
fn relative(path: &Path, root: &Path) -> Vec<u8> {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    let parts: Vec<&[u8]> = parts.map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}

fn number(hash: &mut Sha256, number: u64) {
    hash.update(number.to_le_bytes());
}

fn text(hash: &mut Sha256, text: &[u8]) {
    number(hash, text.len() as u64);
    hash.update(text);
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn data_set(files: &[(&str, &str)]) -> (TempDir, Dataset) {
        let root = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        let dataset = crate::folder::load(root.path()).unwrap();
        (root, dataset)
    }

    fn digest(files: &[(&str, &str)]) -> String {
        data_set(files).1.digest().unwrap()
    }

    const FILES: [(&str, &str); 3] =
        [("Cat/1.jpg", "one"), ("Cat/2.jpg", "two"), ("Dog/1.jpg", "")];

    #[test]
    fn place_and_order_do_not_matter() {
        let (_root, mut dataset) = data_set(&FILES);
        dataset.train.reverse();
        let digest_elsewhere = digest(&FILES);
        assert_eq!(dataset.digest().unwrap(), digest_elsewhere);
        assert_eq!(digest_elsewhere.len(), 64);
    }

    #[test]
    fn every_part_counts() {
        let changed: [&[(&str, &str)]; 4] = [
            &[("Cat/1.jpg", "one"), ("Cat/2.jpg", "tw0"), ("Dog/1.jpg", "")],
            &[("Cat/1.jpg", "one"), ("Cat/3.jpg", "two"), ("Dog/1.jpg", "")],
            &[("Cat/1.jpg", "onet"), ("Cat/2.jpg", "wo"), ("Dog/1.jpg", "")],
            &[("Cat/1.jpg", "one"), ("Cat/2.jpg", "two"), ("Fox/1.jpg", "")],
        ];
        for files in changed {
            assert_ne!(digest(files), digest(&FILES), "{files:?}");
        }
    }

    #[test]
    fn training_and_evaluation_are_told_apart() {
        let (_root, mut dataset) = data_set(&FILES);
        let before = dataset.digest().unwrap();
        let moved = dataset.train.pop().unwrap();
        dataset.test.push(moved);
        assert_ne!(dataset.digest().unwrap(), before);
    }

    #[test]
    fn a_file_whose_bytes_differ_has_changed() {
        let (root, dataset) = data_set(&FILES);
        let mut files = FileDigests::default();
        let digest = dataset.digest_files(&mut files).unwrap();
        assert_eq!(digest, dataset.digest().unwrap());
        let changed = |file: &str, bytes: &str| {
            files.has_changed(&root.path().join(file), &Sha256::digest(bytes).into())
        };
        assert!(!changed("Cat/2.jpg", "two"));
        assert!(changed("Cat/2.jpg", "tw0"));
        assert!(!changed("Cat/3.jpg", "tw0"), "it was not hashed");
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let (root, dataset) = data_set(&FILES);
        fs_err::remove_file(root.path().join("Cat/2.jpg")).unwrap();
        assert!(dataset.digest().unwrap_err().to_string().contains("2.jpg"));
    }
}
