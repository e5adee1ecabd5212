//! The error type of the crate.

use crate::data_type::DataType;

/// How much of a name an error quotes.
const QUOTED_CHARACTERS: usize = 100;

/// Why a state dict could not be read.
///
/// Byte offsets count from the start of the file in the legacy layout and from the start of
/// `data.pkl` in the zip layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or read; the cause names its path.
    #[error("cannot read the state dict")]
    Read(#[source] std::io::Error),
    /// The content is in neither of the two layouts of `torch.save`.
    #[error("not a file written by `torch.save`: it begins with {start:02x?}")]
    UnknownFormat {
        /// The first bytes, eight at most.
        start: Vec<u8>,
    },
    /// Something is larger than [`Limits`](crate::Limits) allows.
    #[error("{what} of {got} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large, with its unit where it is not bytes.
        what: &'static str,
        /// The limit that applies.
        limit: u64,
        /// What the file asks for.
        got: u64,
    },
    /// The data ends early.
    #[error("the data ends within {what} at byte {offset}: {expected} bytes expected, {got} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
        /// Bytes it needs.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// Bytes follow where the data should end.
    #[error("{count} unexpected bytes after the end at byte {offset}")]
    TrailingBytes {
        /// Where the data should end.
        offset: usize,
        /// How many bytes follow.
        count: usize,
    },
    /// The pickle is written in a protocol other than 2, the one that `torch.save` uses.
    #[error("pickle protocol {got} at byte {offset}, expected 2")]
    Protocol {
        /// Where the protocol is stated.
        offset: usize,
        /// The protocol found.
        got: u8,
    },
    /// The pickle uses an operation that no state dict needs.
    #[error("unsupported pickle opcode {opcode:#04x} at byte {offset}")]
    Opcode {
        /// The opcode's number.
        opcode: u8,
        /// The position.
        offset: usize,
    },
    /// The pickle names a function or class that no state dict needs.
    ///
    /// Accepted are `collections.OrderedDict`, `torch._utils._rebuild_tensor`,
    /// `torch._utils._rebuild_tensor_v2`, `torch._utils._rebuild_parameter` and the storage class
    /// of each [`DataType`].
    #[error("forbidden global `{name}` at byte {offset}")]
    Global {
        /// Module and name, such as `os.system`, cut after some hundred characters.
        name: String,
        /// Where it is named.
        offset: usize,
    },
    /// The pickle contradicts itself or uses an accepted operation in an unknown way.
    #[error("malformed pickle at byte {offset}: {problem}")]
    Pickle {
        /// The position of the operation.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The structure of a file in the legacy layout is invalid.
    #[error("malformed legacy file: {problem}")]
    Legacy {
        /// What is wrong.
        problem: &'static str,
    },
    /// The zip archive, or an entry in it, cannot be read.
    #[error("cannot read {entry} of the zip archive")]
    Archive {
        /// The entry in backticks, or the part of the archive.
        entry: String,
        /// The zip reader's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The zip archive does not hold exactly one `<name>/data.pkl`.
    #[error("the zip archive holds {count} entries named `<name>/data.pkl`, expected 1")]
    ArchivePickle {
        /// How many there are.
        count: usize,
    },
    /// The zip archive states an unknown byte order.
    #[error("unknown byte order `{got}`, expected `little` or `big`")]
    ByteOrder {
        /// What it states, cut after some characters.
        got: String,
    },
    /// The file holds something other than a dictionary of tensors.
    #[error("{entry} is {found}, not {expected}")]
    NotStateDict {
        /// The part concerned: an entry's name in backticks, or the whole.
        entry: String,
        /// What it is.
        found: &'static str,
        /// What a state dict has there.
        expected: &'static str,
        /// The first names found in the outermost dictionary.
        keys: Vec<String>,
    },
    /// Two tensors have the same name.
    #[error("two tensors are named `{name}`")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor's shape, strides and offset do not fit its storage.
    #[error(
        "tensor `{name}` of shape {shape:?}, strides {strides:?} and offset {offset} \
         does not fit its storage of {elements} elements"
    )]
    Layout {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its strides in elements.
        strides: Vec<usize>,
        /// Its first element within the storage.
        offset: usize,
        /// Elements in the storage.
        elements: usize,
    },
    /// A storage's data does not have the size that the pickle declares.
    #[error("storage `{key}` has {got} {unit}, expected {expected}")]
    StorageSize {
        /// The storage's key.
        key: String,
        /// `bytes` or `elements`.
        unit: &'static str,
        /// The declared size.
        expected: u64,
        /// The actual size.
        got: u64,
    },
    /// A storage is described but holds no data, or holds data but is not described.
    #[error("storage `{key}` {problem}")]
    StorageKey {
        /// The storage's key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no tensor of the requested name.
    #[error("no tensor is named `{name}`")]
    MissingTensor {
        /// The requested name.
        name: String,
    },
    /// A tensor cannot be converted to the requested type.
    #[error("tensor `{name}` holds {got}, expected {expected}")]
    DataType {
        /// The tensor.
        name: String,
        /// The requested kind of type.
        expected: &'static str,
        /// The value found.
        got: DataType,
    },
}

impl Error {
    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownFormat { .. } => {
                "check that the download is complete and is not a web page or Git LFS pointer"
            }
            Self::TooLarge { .. } => "raise `Limits` if the file comes from a source you trust",
            Self::Truncated { .. } | Self::Archive { .. } => {
                "the file may be incomplete: download it again and compare its checksum"
            }
            Self::Protocol { .. } => "save it again with the default `pickle_protocol=2`",
            Self::Opcode { .. } | Self::Global { .. } => {
                "in PyTorch, save only the tensors: `torch.save(model.state_dict(), path)`"
            }
            Self::Layout { .. } => "save the tensor after `.contiguous()`",
            Self::NotStateDict { keys, .. } => return Some(state_dict_hint(keys)),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn state_dict_hint(keys: &[String]) -> String {
    let advice = "save only the state dict: `torch.save(model.state_dict(), path)`";
    if keys.is_empty() {
        return advice.to_owned();
    }
    format!("the file holds `{}`; {advice}", keys.join("`, `"))
}

/// The beginning of a name, short enough for an error message.
pub(crate) fn quoted(name: &str) -> String {
    name.chars().take(QUOTED_CHARACTERS).collect()
}
