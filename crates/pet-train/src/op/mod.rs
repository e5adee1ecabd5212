//! Fast convolutions for candle on the CPU, channels last, with fused bias and activation.
//!
//! candle's own grouped convolution runs once per channel, which is slow for MobileNetV2's thousands of depthwise
//! channels. All operations here have a backward pass.

mod depthwise;
mod inverted_residual;
mod pointwise;
mod stem;

pub use depthwise::depthwise;
pub(crate) use inverted_residual::inverted_residual;
pub use pointwise::pointwise;
pub use stem::stem;

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

use crate::kernel::matrix::Matrix;
use crate::kernel::pointwise as pointwise_kernel;

/// The values of a contiguous `f32` tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout, what: &str) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{what} must be contiguous, got strides {:?}", layout.stride());
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// A two-dimensional `f32` tensor as a matrix, with its strides.
fn matrix<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Matrix<'a>> {
    let (rows, columns) = layout.shape().dims2()?;
    let data = &storage.as_slice::<f32>()?[layout.start_offset()..];
    let strides = layout.stride();
    Ok(Matrix::strided(data, rows, columns, [strides[0], strides[1]]))
}

/// Calls `use_values` with a tensor's values, made contiguous if necessary.
fn with_values<T>(tensor: &Tensor, use_values: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("these operations run on the CPU only") };
    Ok(use_values(values(storage, layout, "a tensor")?))
}

/// Calls `use_matrix` with a two-dimensional tensor.
fn with_matrix<T>(tensor: &Tensor, use_matrix: impl FnOnce(Matrix<'_>) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("these operations run on the CPU only") };
    Ok(use_matrix(matrix(storage, layout)?))
}

/// The gradient before the activation, from the operation's result and its gradient.
fn before_activation(
    activation: crate::Activation,
    result: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor> {
    let values = with_values(result, |result| {
        with_values(gradient, |gradient| activation.backward(result, gradient))
    })??;
    Tensor::from_vec(values, result.shape(), result.device())
}

/// The gradient of `tensor` as a tensor.
fn gradient_of(tensor: &Tensor, values: Vec<f32>) -> Result<Option<Tensor>> {
    Tensor::from_vec(values, tensor.shape(), tensor.device()).map(Some)
}

/// The gradient of a bias, from the gradient before the activation.
fn bias_gradient(bias: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
    let outputs = bias.dims1()?;
    let sums =
        with_values(gradient, |gradient| pointwise_kernel::bias_gradient(gradient, outputs))?;
    gradient_of(bias, sums)
}

/// Fails unless `got` equals `expected`.
fn check(what: &str, expected: &[usize], got: &[usize]) -> Result<()> {
    if expected != got {
        bail!("{what} has shape {got:?}, expected {expected:?}");
    }
    Ok(())
}
