//! Type and shape inference: a rule for each operator.

mod call;
mod conv;

use call::Call;

use crate::Error;
use crate::data_type::DataType;
use crate::node::Node;
use crate::value::{Dim, TensorType};

type Inferred = Result<Option<TensorType>, Error>;

/// The type of the only output of `node` for inputs of these types (`None` for an omitted one);
/// `None` for an unknown operator.
pub(crate) fn infer(node: &Node, inputs: &[Option<&TensorType>]) -> Inferred {
    let call = Call { node, inputs };
    let rule = match node.op_type.as_str() {
        "Add" | "Sub" | "Mul" | "Div" => arithmetic,
        "Clip" => clip,
        "Identity" | "Relu" => same,
        "Sigmoid" => same_float,
        "LpNormalization" | "Softmax" => along_axis,
        "Conv" => conv::conv,
        "GlobalAveragePool" => conv::global_average_pool,
        "Flatten" => flatten,
        "Gemm" => gemm,
        "MatMul" => matmul,
        "QuantizeLinear" => quantize,
        "DequantizeLinear" => dequantize,
        _ => return Ok(None),
    };
    call.has_one_output()?;
    rule(&call)
}

/// The type of the only input.
fn same(call: &Call) -> Inferred {
    call.arity(1, 0)?;
    Ok(Some(call.input(0)?.clone()))
}

/// The type of the only input, which is floating-point.
fn same_float(call: &Call) -> Inferred {
    call.same_floats()?;
    same(call)
}

/// `LpNormalization`, `Softmax`: floating-point, along an axis, by default the last.
fn along_axis(call: &Call) -> Inferred {
    let input = call.same_floats()?;
    let rank = input.shape.len();
    call.axis(-1, rank, rank.saturating_sub(1))?;
    same(call)
}

/// `Clip`: the limits are scalars of the input's element type.
fn clip(call: &Call) -> Inferred {
    call.arity(1, 2)?;
    let input = call.same_elements()?;
    for limit in [1, 2].into_iter().filter_map(|index| call.optional(index)) {
        if !limit.shape.is_empty() {
            return Err(call.error("a scalar limit", limit));
        }
    }
    Ok(Some(input.clone()))
}

/// Two inputs, broadcast to one shape.
fn arithmetic(call: &Call) -> Inferred {
    call.arity(2, 0)?;
    let left = call.same_elements()?;
    let right = call.input(1)?;
    let shape = broadcast(&left.shape, &right.shape)
        .ok_or_else(|| call.error(format!("a shape that broadcasts with `{left}`"), right))?;
    Ok(Some(TensorType { data_type: left.data_type, shape }))
}

/// The common shape of both by NumPy's broadcasting rules; `None` when they do not fit.
fn broadcast(left: &[Dim], right: &[Dim]) -> Option<Vec<Dim>> {
    let (long, short) = if left.len() < right.len() { (right, left) } else { (left, right) };
    let (leading, aligned) = long.split_at(long.len() - short.len());
    let joined = aligned.iter().zip(short).map(|(a, b)| broadcast_axis(a, b));
    leading.iter().cloned().map(Some).chain(joined).collect()
}

fn broadcast_axis(a: &Dim, b: &Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Some(other.clone()),
        (Dim::Fixed(a), Dim::Fixed(b)) => (a == b).then_some(Dim::Fixed(*a)),
        (Dim::Fixed(extent), _) | (_, Dim::Fixed(extent)) => Some(Dim::Fixed(*extent)),
        (Dim::Symbol(a), Dim::Symbol(b)) if a == b => Some(Dim::Symbol(a.clone())),
        _ => Some(Dim::Unknown),
    }
}

/// `Flatten`: the axes before `axis` become rows, the others columns.
fn flatten(call: &Call) -> Inferred {
    call.arity(1, 0)?;
    let input = call.input(0)?;
    let rank = input.shape.len();
    let (rows, columns) = input.shape.split_at(call.axis(1, rank, rank)?);
    let shape = vec![product(rows), product(columns)];
    Ok(Some(TensorType { data_type: input.data_type, shape }))
}

/// `Gemm`: two matrices and a bias that is broadcast to their product.
fn gemm(call: &Call) -> Inferred {
    call.arity(2, 1)?;
    let left = call.same_elements()?;
    let right = call.input(1)?;
    let (rows, inner) = matrix(call, left, call.int("transA", 0)? != 0)?;
    let (other_inner, columns) = matrix(call, right, call.int("transB", 0)? != 0)?;
    if inner.contradicts(other_inner) {
        return Err(call.error(format!("a right matrix with inner extent {inner}"), other_inner));
    }
    let shape = vec![rows.clone(), columns.clone()];
    let result = TensorType { data_type: left.data_type, shape };
    if let Some(bias) = call.optional(2) {
        let joined = broadcast(&result.shape, &bias.shape);
        let fits = joined.is_some_and(|joined| {
            let mut axes = joined.iter().zip(&result.shape);
            joined.len() == 2 && axes.all(|(joined, own)| !joined.contradicts(own))
        });
        if !fits {
            return Err(call.error(format!("a bias that broadcasts to `{result}`"), bias));
        }
    }
    Ok(Some(result))
}

/// `MatMul`: matrices in the last two axes, the others broadcast. Vectors are not inferred.
fn matmul(call: &Call) -> Inferred {
    call.arity(2, 0)?;
    let left = call.same_elements()?;
    let right = call.input(1)?;
    let [left_stack @ .., rows, inner] = left.shape.as_slice() else {
        return Ok(None);
    };
    let [right_stack @ .., other_inner, columns] = right.shape.as_slice() else {
        return Ok(None);
    };
    if inner.contradicts(other_inner) {
        return Err(call.error(format!("a right matrix of {inner} rows"), right));
    }
    let mut shape = broadcast(left_stack, right_stack)
        .ok_or_else(|| call.error(format!("a shape that broadcasts with `{left}`"), right))?;
    shape.extend([rows.clone(), columns.clone()]);
    Ok(Some(TensorType { data_type: left.data_type, shape }))
}

fn matrix<'a>(
    call: &Call,
    tensor_type: &'a TensorType,
    transposed: bool,
) -> Result<(&'a Dim, &'a Dim), Error> {
    match tensor_type.shape.as_slice() {
        [rows, columns] if transposed => Ok((columns, rows)),
        [rows, columns] => Ok((rows, columns)),
        _ => Err(call.error("matrices", tensor_type)),
    }
}

/// The size of several dimensions as one.
fn product(dims: &[Dim]) -> Dim {
    let (fixed, open): (Vec<_>, Vec<_>) = dims.iter().partition(|dim| dim.extent().is_some());
    let mut extents = fixed.into_iter().filter_map(Dim::extent);
    let known = extents.try_fold(1, |product: usize, extent| product.checked_mul(extent));
    match (known, open.as_slice()) {
        (Some(extent), []) => Dim::Fixed(extent),
        (Some(1), [open]) => (*open).clone(),
        _ => Dim::Unknown,
    }
}

/// `QuantizeLinear`: the type of the zero point, by default `u8`.
fn quantize(call: &Call) -> Inferred {
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
fn dequantize(call: &Call) -> Inferred {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let batch = Dim::symbol("batch");
        let image = [batch.clone(), 3.into(), 8.into(), 8.into()];
        assert_eq!(broadcast(&image, &[3.into(), 1.into(), 1.into()]), Some(image.to_vec()));
        assert_eq!(broadcast(&[], &image), Some(image.to_vec()));
        assert_eq!(broadcast(&[2.into()], &[3.into()]), None);
        assert_eq!(
            broadcast(std::slice::from_ref(&batch), &[Dim::symbol("n")]),
            Some(vec![Dim::Unknown])
        );
        assert_eq!(broadcast(&[batch], &[5.into()]), Some(vec![5.into()]));
    }

    #[test]
    fn product_of_axes() {
        assert_eq!(product(&[]), Dim::Fixed(1));
        assert_eq!(product(&[3.into(), 4.into()]), Dim::Fixed(12));
        assert_eq!(product(&[Dim::symbol("n"), 1.into()]), Dim::symbol("n"));
        assert_eq!(product(&[Dim::symbol("n"), 2.into()]), Dim::Unknown);
        assert_eq!(product(&[usize::MAX.into(), 2.into()]), Dim::Unknown);
    }
}
