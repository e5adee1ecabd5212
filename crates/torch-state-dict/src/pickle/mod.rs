//! A pickle machine for state dicts, which never executes code.
//!
//! Protocol 2 only, which `torch.save` has always used by default. Values are small and `Copy`;
//! collections live in a [`Heap`] and are referred to by position, so nothing recurses and no
//! cycle can leak.

mod machine;
mod opcode;
mod reduce;
mod value;

pub(crate) use machine::load;
pub(crate) use value::{Heap, Rebuilt, Storage, Value};

/// A pickled object and the collections, storages and tensors that it refers to.
pub(crate) struct Pickle<'a> {
    pub(crate) root: Value<'a>,
    pub(crate) heap: Heap<'a>,
}
