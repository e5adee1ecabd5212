//! The folder of one run in the spool, and its entries: what the run sends to its store.

use crate::artifact::{files_below, write_atomically};
use crate::batch::Batch;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::registry::{ModelVersion, NewModel};
use crate::run::{DatasetInput, NewRun, Run, RunStatus, random_id};
use crate::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file that identifies the run.
pub(super) const HEADER: &str = "run.json";
/// The file that a process holds while it writes or sends the run.
const LOCK: &str = "lock";

/// One item that a run sends to its store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// Metrics, parameters and tags.
    Batch(Batch),
    /// The data sets it used.
    Datasets(Vec<DatasetInput>),
    /// A file, whose content is attached.
    Artifact {
        /// Where it belongs among the run's artifacts.
        path: String,
    },
    /// A model, whose folder is attached.
    Model(NewModel),
    /// How it ended.
    End {
        /// A status that ends a run.
        status: RunStatus,
        /// When.
        time: Timestamp,
    },
}

/// The files that belong to an entry.
#[derive(Debug)]
pub(super) enum Attachment {
    /// Nothing.
    None,
    /// The content of an artifact.
    Bytes(Vec<u8>),
    /// The file with the content, or the folder with the model.
    Path(PathBuf),
}

impl Entry {
    /// Sends it; a model becomes a version.
    pub(super) fn send(
        &self,
        client: &Client,
        run: &Run,
        attachment: &Attachment,
    ) -> Result<Option<ModelVersion>> {
        match (self, attachment) {
            (Self::Batch(batch), _) => client.log_batch(&run.id, batch)?,
            (Self::Datasets(datasets), _) => client.log_datasets(&run.id, datasets)?,
            (Self::Artifact { path }, Attachment::Bytes(bytes)) => {
                client.artifacts(&run.artifact_uri)?.upload_bytes(bytes, path)?;
            }
            (Self::Artifact { path }, Attachment::Path(file)) => {
                client.artifacts(&run.artifact_uri)?.upload_file(file, path)?;
            }
            (Self::Model(model), Attachment::Path(folder)) => {
                return client.register_folder(run, folder, model).map(Some);
            }
            (Self::End { status, time }, _) => client.update_run(&run.id, *status, Some(*time))?,
            // Nothing was attached: there is nothing to send.
            (Self::Artifact { .. } | Self::Model(_), _) => {}
        }
        Ok(None)
    }
}

/// Which run of which store it is, and why it is here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    /// The store, without credentials.
    pub(super) tracking_uri: String,
    /// The name of the experiment.
    pub(super) experiment: String,
    /// What the run starts with.
    pub(super) run: NewRun,
    /// The run's id; none if the store could not be reached when it started.
    pub(super) run_id: Option<String>,
    /// The store's error.
    pub(super) reason: String,
}

/// The folder of one run, held by this process.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    /// The number of the last entry.
    last: u32,
    _lock: fs_err::File,
}

impl RunFolder {
    /// Makes a folder of its own for a run.
    pub(super) fn create(root: &Path, header: &Header) -> Result<Self> {
        let path = root.join(random_id()?);
        fs_err::create_dir_all(&path)?;
        let lock = lock(&path)?;
        let folder = Self { path, last: 0, _lock: lock };
        folder.write_header(header)?;
        Ok(folder)
    }

    /// Opens the folder of a process that has ended.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            last: numbers(path)?.last().copied().unwrap_or_default(),
            _lock: lock(path)?,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write_header(&self, header: &Header) -> Result<()> {
        write_json(&self.path.join(HEADER), header)
    }

    /// Appends an entry, after writing its attachment.
    pub(super) fn append(&mut self, entry: &Entry, attachment: &Attachment) -> Result<()> {
        let number = self.last + 1;
        let data = self.data(number);
        match attachment {
            Attachment::None => {}
            Attachment::Bytes(bytes) => write_atomically(&data, &mut bytes.as_slice())?,
            Attachment::Path(path) if path.is_dir() => copy_folder(path, &data)?,
            Attachment::Path(path) => write_atomically(&data, &mut fs_err::File::open(path)?)?,
        }
        write_json(&self.entry(number), entry)?;
        self.last = number;
        Ok(())
    }

    /// The entry of a number, and the path of its attachment.
    pub(super) fn read(&self, number: u32) -> Result<(Entry, PathBuf)> {
        Ok((read_json(&self.entry(number))?, self.data(number)))
    }

    /// Removes an entry that has been sent.
    pub(super) fn remove(&self, number: u32) -> Result<()> {
        fs_err::remove_file(self.entry(number))?;
        let data = self.data(number);
        if data.is_dir() {
            fs_err::remove_dir_all(data)?;
        } else if data.exists() {
            fs_err::remove_file(data)?;
        }
        Ok(())
    }

    /// Removes the run, of which everything has been sent.
    pub(super) fn delete(self) -> Result<()> {
        Ok(fs_err::remove_dir_all(&self.path)?)
    }

    fn entry(&self, number: u32) -> PathBuf {
        self.path.join(format!("{number:06}.json"))
    }

    fn data(&self, number: u32) -> PathBuf {
        self.path.join(format!("{number:06}.data"))
    }
}

/// The header of the run in a folder.
pub(super) fn read_header(folder: &Path) -> Result<Header> {
    read_json(&folder.join(HEADER))
}

/// The numbers of the entries, in order.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let number: Option<u32> = name.strip_suffix(".json").and_then(|name| name.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn lock(folder: &Path) -> Result<fs_err::File> {
    let file = fs_err::File::create(folder.join(LOCK))?;
    match file.file().try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::SpoolBusy { path: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|source| damaged(path, source))?;
    write_atomically(path, &mut bytes.as_slice())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs_err::read(path)?;
    serde_json::from_slice(&bytes).map_err(|source| damaged(path, source))
}

fn damaged(path: &Path, source: serde_json::Error) -> Error {
    Error::SpoolEntry { path: path.to_owned(), source: source.into() }
}

/// Copies a folder; the copy appears only when complete.
fn copy_folder(source: &Path, target: &Path) -> Result<()> {
    let beside = target.with_extension("part");
    fs_err::create_dir_all(&beside)?;
    for (file, path) in files_below(source, "")? {
        let copy = beside.join(path);
        if let Some(folder) = copy.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::copy(file, copy)?;
    }
    Ok(fs_err::rename(beside, target)?)
}
