//! Operators whose result has the shape of their inputs.

use super::Call;
use crate::{Dim, Error, TensorType};

type Inferred = Result<Option<TensorType>, Error>;

/// The type of the only input.
pub(super) fn same(call: &Call) -> Inferred {
    call.arity(1, 0)?;
    Ok(Some(call.input(0)?.clone()))
}

/// The type of the only input, which is floating-point.
pub(super) fn same_float(call: &Call) -> Inferred {
    call.same_floats()?;
    same(call)
}

/// `LpNormalization`, `Softmax`: floating-point, along an axis, by default the last.
pub(super) fn along_axis(call: &Call) -> Inferred {
    let input = call.same_floats()?;
    let rank = input.shape.len();
    call.axis(-1, rank, rank.saturating_sub(1))?;
    same(call)
}

/// `Clip`: the limits are scalars of the input's element type.
pub(super) fn clip(call: &Call) -> Inferred {
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
pub(super) fn arithmetic(call: &Call) -> Inferred {
    call.arity(2, 0)?;
    let left = call.same_elements()?;
    let right = call.input(1)?;
    let shape = broadcast(&left.shape, &right.shape)
        .ok_or_else(|| call.error(format!("a shape that broadcasts with `{left}`"), right))?;
    Ok(Some(TensorType { data_type: left.data_type, shape }))
}

/// The common shape of both by NumPy's broadcasting rules; `None` when they do not fit.
pub(super) fn broadcast(left: &[Dim], right: &[Dim]) -> Option<Vec<Dim>> {
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
}
