//! The functions and classes that a state dict needs.

use crate::DataType;

/// Something a pickle may name; [`reduce`](super::reduce) gives it a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor(storage, offset, shape, strides)`, before PyTorch 0.4
    RebuildTensor,
    /// `torch._utils._rebuild_tensor_v2`, which adds gradient, hooks and metadata
    RebuildTensorV2,
    /// `torch._utils._rebuild_parameter(tensor, requires_grad, hooks)`
    RebuildParameter,
    /// `torch.FloatStorage` and its like
    Storage(DataType),
}

impl Global {
    /// The global of that name, unless it is to be refused.
    pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        match (module, name) {
            (b"collections", b"OrderedDict") => Some(Self::OrderedDict),
            (b"torch._utils", b"_rebuild_tensor") => Some(Self::RebuildTensor),
            (b"torch._utils", b"_rebuild_tensor_v2") => Some(Self::RebuildTensorV2),
            (b"torch._utils", b"_rebuild_parameter") => Some(Self::RebuildParameter),
            (b"torch", class) => {
                let class = std::str::from_utf8(class).ok()?;
                DataType::from_storage_class(class).map(Self::Storage)
            }
            _ => None,
        }
    }
}
