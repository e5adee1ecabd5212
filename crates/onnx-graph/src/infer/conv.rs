//! Convolution and pooling.

use super::call::Call;
use crate::Error;
use crate::node::Attribute;
use crate::value::{Dim, TensorType};

/// `GlobalAveragePool`: every axis after batch and channels becomes 1.
pub(super) fn global_average_pool(call: &Call) -> Result<Option<TensorType>, Error> {
    call.arity(1, 0)?;
    let input = call.same_floats()?;
    let [batch, channels, axes @ ..] = input.shape.as_slice() else {
        return Err(call.error("at least 2 axes", input));
    };
    let ones = axes.iter().map(|_| Dim::Fixed(1));
    let shape = [batch.clone(), channels.clone()].into_iter().chain(ones).collect();
    Ok(Some(TensorType { data_type: input.data_type, shape }))
}

/// `Conv` over any number of axes.
pub(super) fn conv(call: &Call) -> Result<Option<TensorType>, Error> {
    call.arity(2, 1)?;
    let input = call.same_floats()?;
    let weight = call.input(1)?;
    let expected = || format!("a weight with as many axes as the input `{input}`, at least 3");
    let mismatch = || call.error(expected(), weight);
    let [batch, channels, axes @ ..] = input.shape.as_slice() else {
        return Err(mismatch());
    };
    let [filters, channels_per_group, kernel @ ..] = weight.shape.as_slice() else {
        return Err(mismatch());
    };
    if axes.is_empty() || axes.len() != kernel.len() {
        return Err(mismatch());
    }
    check_channels(call, channels, channels_per_group, filters)?;
    check_bias(call, filters)?;
    let mut shape = vec![batch.clone(), filters.clone()];
    for (window, axis) in Window::along(call, kernel)?.iter().zip(axes) {
        shape.push(window.slide(call, axis)?);
    }
    Ok(Some(TensorType { data_type: input.data_type, shape }))
}

fn check_channels(
    call: &Call,
    channels: &Dim,
    per_group: &Dim,
    filters: &Dim,
) -> Result<(), Error> {
    let group = call.int("group", 1)?;
    let groups = usize::try_from(group).ok().filter(|&groups| groups > 0);
    let too_few = || call.attribute("group", "at least 1", &Attribute::Int(group));
    let groups = groups.ok_or_else(too_few)?;
    let extents = channels.extent().zip(per_group.extent());
    let unequal =
        |&(channels, per_group): &(usize, usize)| per_group.checked_mul(groups) != Some(channels);
    if let Some((channels, per_group)) = extents.filter(unequal) {
        let expected = format!("{channels} channels in {groups} groups");
        return Err(call.error(expected, &format!("a weight for {per_group}")));
    }
    if let Some(filters) = filters.extent().filter(|filters| filters % groups != 0) {
        return Err(call.error(format!("filters in {groups} equal groups"), &filters));
    }
    Ok(())
}

fn check_bias(call: &Call, filters: &Dim) -> Result<(), Error> {
    match call.optional(2).map(|bias| (bias, bias.shape.as_slice())) {
        None => Ok(()),
        Some((_, [extent])) if !extent.contradicts(filters) => Ok(()),
        Some((bias, _)) => Err(call.error(format!("a bias of [{filters}]"), bias)),
    }
}

/// How the kernel moves along one axis.
struct Window {
    kernel: Option<usize>,
    stride: usize,
    dilation: usize,
    /// Padding before and after; `None` when `auto_pad` determines it.
    pads: Option<[usize; 2]>,
}

impl Window {
    /// The windows along the axes of a weight's kernel.
    fn along(call: &Call, weight: &[Dim]) -> Result<Vec<Self>, Error> {
        let rank = weight.len();
        check_kernel(call, weight)?;
        let ones = || vec![1; rank];
        let strides = call.ints("strides", rank, 1)?.unwrap_or_else(ones);
        let dilations = call.ints("dilations", rank, 1)?.unwrap_or_else(ones);
        let pads = call.ints("pads", 2 * rank, 0)?.unwrap_or_else(|| vec![0; 2 * rank]);
        let (before, after) = pads.split_at(rank);
        let automatic = has_auto_pad(call);
        let pads = before.iter().zip(after).map(|(&a, &b)| (!automatic).then_some([a, b]));
        let steps = strides.into_iter().zip(dilations).zip(pads);
        let windows = weight.iter().zip(steps).map(|(kernel, ((stride, dilation), pads))| Self {
            kernel: kernel.extent(),
            stride,
            dilation,
            pads,
        });
        Ok(windows.collect())
    }

    /// The size of the result along an axis.
    fn slide(&self, call: &Call, axis: &Dim) -> Result<Dim, Error> {
        let (Some(extent), Some(kernel), Some(pads)) = (axis.extent(), self.kernel, self.pads)
        else {
            return Ok(Dim::Unknown);
        };
        let windows = count(extent, kernel, self.stride, self.dilation, pads);
        let too_small =
            || call.error(format!("an input no smaller than its kernel {kernel}"), axis);
        windows.map(Dim::Fixed).ok_or_else(too_small)
    }
}

/// Checks that `kernel_shape` is that of the weight.
fn check_kernel(call: &Call, weight: &[Dim]) -> Result<(), Error> {
    let declared = call.ints("kernel_shape", weight.len(), 1)?;
    for (size, dim) in declared.iter().flatten().zip(weight) {
        if Dim::Fixed(*size).contradicts(dim) {
            let expected = format!("a weight for its kernel {size}");
            return Err(call.error(expected, &format!("one of extent {dim}")));
        }
    }
    Ok(())
}

/// Whether `auto_pad` determines the padding instead of `pads`.
fn has_auto_pad(call: &Call) -> bool {
    let rule = call.node.attributes.get("auto_pad");
    rule.is_some_and(|rule| !matches!(rule, Attribute::String(rule) if rule == "NOTSET"))
}

/// How many windows fit: `(extent + pads - (dilation * (kernel - 1) + 1)) / stride + 1`, rounded
/// down.
fn count(
    extent: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pads: [usize; 2],
) -> Option<usize> {
    let padded = pads.iter().try_fold(extent, |sum, &pad| sum.checked_add(pad))?;
    let reach = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
    padded.checked_sub(reach)?.checked_div(stride)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted_as_in_the_operator_page() {
        assert_eq!(count(224, 3, 2, 1, [1, 1]), Some(112));
        assert_eq!(count(7, 7, 1, 1, [0, 0]), Some(1));
        assert_eq!(count(9, 3, 1, 2, [0, 0]), Some(5));
        assert_eq!(count(2, 3, 1, 1, [0, 0]), None);
        assert_eq!(count(usize::MAX, 3, 1, 1, [1, 0]), None);
    }
}
