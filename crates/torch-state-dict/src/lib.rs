//! Read PyTorch state dicts without Python and without running pickled code.
