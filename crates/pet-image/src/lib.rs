//! Photographs to tensors: decode with limits, resize, crop, grayscale, normalize, encode.
