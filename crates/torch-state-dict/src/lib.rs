//! Read PyTorch state dicts without Python and without running pickled code.
//!
//! ```
//! use torch_state_dict::{DataType, StateDict};
//!
//! # fn main() -> Result<(), torch_state_dict::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/legacy.pt");
//! let weights = StateDict::open(path)?;
//! for (name, tensor) in &weights {
//!     assert_eq!(tensor.element_count(), tensor.shape().iter().product::<usize>(), "{name}");
//! }
//! let (shape, values) = weights.f32("layer.weight")?;
//! assert_eq!(shape, [2, 3]);
//! assert_eq!(values.len(), 6);
//! assert_eq!(weights.tensor("batches")?.data_type(), DataType::I64);
//! # Ok(())
//! # }
//! ```
//!
//! # What is read
//!
//! Both layouts that `torch.save` writes, told apart by content:
//!
//! - the **zip** layout (the default since PyTorch 1.6): `<name>/data.pkl` describes the tensors,
//!   `<name>/data/<key>` holds each storage;
//! - the **legacy** layout (before 1.6): a chain of pickles followed by the raw storages.
//!
//! The tensors may be views: transposed, sliced or sharing one storage. They are gathered into
//! row-major order when they are asked for.
//!
//! # A pickle is data here, never code
//!
//! Python's own loader calls whatever a pickle names. This one knows a fixed set of opcodes and
//! globals, just what a state dict needs (see [`Error::Global`] and [`Error::Opcode`]), and
//! refuses everything else by name. Sizes are checked against the bytes at hand and against
//! [`Limits`] before memory is taken.

mod archive;
mod contents;
mod cursor;
mod data_type;
mod error;
mod layout;
mod legacy;
mod limits;
mod pickle;
mod state_dict;
mod tensor;

pub use data_type::DataType;
pub use error::Error;
pub use limits::Limits;
pub use state_dict::{StateDict, Tensors};
pub use tensor::TensorView;
