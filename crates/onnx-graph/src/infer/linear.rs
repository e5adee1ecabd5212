//! Matrices: flattening and products.

use super::Call;
use super::elementwise::broadcast;
use crate::{Dim, Error, TensorType};

/// `Flatten`: the axes before `axis` become rows, the others columns.
pub(super) fn flatten(call: &Call) -> Result<Option<TensorType>, Error> {
    call.arity(1, 0)?;
    let input = call.input(0)?;
    let rank = input.shape.len();
    let (rows, columns) = input.shape.split_at(call.axis(1, rank, rank)?);
    let shape = vec![product(rows), product(columns)];
    Ok(Some(TensorType { data_type: input.data_type, shape }))
}

/// `Gemm`: two matrices and a bias that is broadcast to their product.
pub(super) fn gemm(call: &Call) -> Result<Option<TensorType>, Error> {
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
pub(super) fn matmul(call: &Call) -> Result<Option<TensorType>, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_of_axes() {
        assert_eq!(product(&[]), Dim::Fixed(1));
        assert_eq!(product(&[3.into(), 4.into()]), Dim::Fixed(12));
        assert_eq!(product(&[Dim::symbol("n"), 1.into()]), Dim::symbol("n"));
        assert_eq!(product(&[Dim::symbol("n"), 2.into()]), Dim::Unknown);
        assert_eq!(product(&[usize::MAX.into(), 2.into()]), Dim::Unknown);
    }
}
