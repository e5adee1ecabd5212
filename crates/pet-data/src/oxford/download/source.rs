use std::time::Duration;

/// Where the data set is downloaded from, and with which limits; by default the official source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// URLs of folders with the archives, in the order in which they are tried.
    pub mirrors: Vec<String>,
    /// The archives of the data set.
    pub archives: Vec<Archive>,
    /// Largest size of one archive in bytes.
    pub archive_bytes: u64,
    /// Limits for the content of an archive.
    pub unpack: UnpackLimits,
    /// Timeout for connecting, and for the response to begin.
    pub answer_timeout: Duration,
    /// Timeout without receiving anything.
    pub stall_timeout: Duration,
}

/// An archive `FOLDER.tar.gz` of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Name of the folder.
    pub folder: String,
    /// MD5 of the archive in lower-case hexadecimal digits.
    pub md5: String,
}

/// Limits for the content of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files and folders together.
    pub entries: u64,
}

impl Archive {
    /// `FOLDER.tar.gz`.
    pub(super) fn file_name(&self) -> String {
        format!("{}.tar.gz", self.folder)
    }

    fn new(folder: &str, md5: &str) -> Self {
        Self { folder: folder.to_owned(), md5: md5.to_owned() }
    }
}

impl Default for UnpackLimits {
    /// 4 GiB and 100,000 entries; the official archives hold under 1 GB and 40,000.
    fn default() -> Self {
        Self { bytes: 4 << 30, entries: 100_000 }
    }
}

impl Default for Source {
    /// The two archives of the Visual Geometry Group at Oxford, at their two addresses.
    fn default() -> Self {
        Self {
            mirrors: vec![
                "https://www.robots.ox.ac.uk/~vgg/data/pets/data/".to_owned(),
                "https://thor.robots.ox.ac.uk/pets/".to_owned(),
            ],
            archives: vec![
                Archive::new("annotations", "95a8c909bbe2e81eed6a22bccdf3f68f"),
                Archive::new("images", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            ],
            archive_bytes: 2 << 30,
            unpack: UnpackLimits::default(),
            answer_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_mins(1),
        }
    }
}
