//! `QuantizeLinear` and `DequantizeLinear`.

use super::Call;
use crate::{DataType, Dim, Error, TensorType};

/// `QuantizeLinear`: the type of the zero point, by default `u8`.
pub(super) fn quantize(call: &Call) -> Result<Option<TensorType>, Error> {
    call.arity(2, 1)?;
    let input = call.input(0)?;
    if !input.data_type.is_float() {
        return Err(call.error("floating-point numbers", input));
    }
    let result = |data_type| TensorType { data_type, shape: input.shape.clone() };
    check_scale(call, input)?;
    Ok(match call.optional(2) {
        Some(zero_point) => Some(result(zero_point.data_type)),
        // From opset 21 on, an attribute may choose the type.
        None if call.int("output_dtype", 0)? != 0 => None,
        None => Some(result(DataType::U8)),
    })
}

/// `DequantizeLinear`: the type of the scale.
pub(super) fn dequantize(call: &Call) -> Result<Option<TensorType>, Error> {
    call.arity(2, 1)?;
    let input = call.input(0)?;
    if input.data_type.is_float() {
        return Err(call.error("integers", input));
    }
    check_scale(call, input)?;
    if let Some(zero_point) = call.optional(2).filter(|zero| zero.data_type != input.data_type) {
        return Err(call.error(format!("a zero point of `{}`", input.data_type), zero_point));
    }
    let data_type = call.input(1)?.data_type;
    Ok(Some(TensorType { data_type, shape: input.shape.clone() }))
}

/// Checks that there is one scale, or one per index along an axis; from opset 21 on, blocks may share one.
fn check_scale(call: &Call, input: &TensorType) -> Result<(), Error> {
    let scale = call.input(1)?;
    if !scale.data_type.is_float() {
        return Err(call.error("a floating-point scale", scale));
    }
    let count = match scale.shape.as_slice() {
        [] => return Ok(()),
        [count] if call.int("block_size", 0)? == 0 => count,
        _ if call.int("block_size", 0)? != 0 => return Ok(()),
        _ => return Err(call.error("one scale, or one for each place along an axis", scale)),
    };
    let rank = input.shape.len();
    if rank <= 1 && *count == Dim::Fixed(1) {
        return Ok(());
    }
    let axis = call.axis(1, rank, rank.saturating_sub(1))?;
    match input.shape.get(axis) {
        Some(extent) if !extent.contradicts(count) => Ok(()),
        _ => {
            Err(call.error(format!("a scale for each place along axis {axis} of `{input}`"), scale))
        }
    }
}
