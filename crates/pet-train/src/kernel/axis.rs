//! The geometry of a window that moves along one axis of an image.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The window of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// 3×3.
    Three,
    /// 5×5.
    Five,
}

impl Window {
    /// Its side length.
    pub const fn side(self) -> usize {
        match self {
            Self::Three => 3,
            Self::Five => 5,
        }
    }

    /// The number of weights per channel.
    pub const fn taps(self) -> usize {
        self.side() * self.side()
    }
}

/// Zero padding of a convolution's input. The output always has ⌈size / stride⌉ positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Padding {
    /// Half a window on every side, as in PyTorch's networks.
    Centered,
    /// As little as necessary, with an odd zero at the end: TensorFlow's `SAME`.
    Same,
}

impl Padding {
    /// The number of zeros before and after an axis of `size` positions.
    ///
    /// ```
    /// use pet_train::Padding;
    ///
    /// assert_eq!(Padding::Centered.around(224, 3, 2), [1, 1]);
    /// assert_eq!(Padding::Same.around(224, 3, 2), [0, 1]);
    /// assert_eq!(Padding::Same.around(65, 5, 2), [2, 2]);
    /// ```
    pub fn around(self, size: usize, window: usize, stride: usize) -> [usize; 2] {
        match self {
            Self::Centered => [window / 2; 2],
            Self::Same => {
                let extent = (size.div_ceil(stride).max(1) - 1) * stride + window;
                let total = extent.saturating_sub(size);
                [total / 2, total.div_ceil(2)]
            }
        }
    }
}

/// One axis of an image, of size 1 or more, under a moving window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) window: usize,
    pub(crate) stride: usize,
    /// Padding before the first position.
    pub(crate) before: usize,
}

impl Axis {
    pub(crate) fn new(size: usize, window: usize, stride: usize, padding: Padding) -> Self {
        let [before, _] = padding.around(size, window, stride);
        Self { size, window, stride, before }
    }

    /// The number of output positions.
    pub(crate) fn outputs(self) -> usize {
        (self.size - 1) / self.stride + 1
    }

    /// The input position of `tap` for the output at `at`, unless it is padding.
    #[inline(always)]
    pub(crate) fn input(self, at: usize, tap: usize) -> Option<usize> {
        let input = (at * self.stride + tap).checked_sub(self.before)?;
        (input < self.size).then_some(input)
    }

    /// The output position whose `tap` is at `input`, if any.
    #[inline(always)]
    pub(crate) fn output(self, input: usize, tap: usize) -> Option<usize> {
        let shifted = (input + self.before).checked_sub(tap)?;
        let output = shifted / self.stride;
        (shifted.is_multiple_of(self.stride) && output < self.outputs()).then_some(output)
    }

    /// The taps inside the image for the output at `at`.
    #[inline(always)]
    pub(crate) fn taps(self, at: usize) -> Range<usize> {
        let start = at * self.stride;
        self.before.saturating_sub(start)..(self.size + self.before - start).min(self.window)
    }

    /// The input positions of a non-empty range of output positions.
    pub(crate) fn inputs(self, outputs: Range<usize>) -> Range<usize> {
        let start = (outputs.start * self.stride).saturating_sub(self.before);
        let end = (outputs.end - 1) * self.stride + self.window - self.before;
        start..end.min(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every axis that a network can have, and some that none has.
    fn axes() -> impl Iterator<Item = Axis> {
        let sizes = (1..20).flat_map(|size| [3, 5].map(|window| (size, window)));
        sizes.flat_map(|(size, window)| {
            (1..4).flat_map(move |stride| {
                let axis = move |padding| Axis::new(size, window, stride, padding);
                [Padding::Centered, Padding::Same].map(axis)
            })
        })
    }

    #[test]
    fn all_ways_to_look_at_an_axis_agree() {
        for axis in axes() {
            for at in 0..axis.outputs() {
                let seen: Vec<usize> =
                    (0..axis.window).filter(|tap| axis.input(at, *tap).is_some()).collect();
                assert_eq!(seen, axis.taps(at).collect::<Vec<_>>(), "{axis:?} at {at}");
                let inputs = seen.iter().filter_map(|tap| axis.input(at, *tap));
                assert_eq!(inputs.collect::<Vec<_>>(), axis.inputs(at..at + 1).collect::<Vec<_>>());
            }
            for input in 0..axis.size {
                for tap in 0..axis.window {
                    let seen_by =
                        (0..axis.outputs()).find(|at| axis.input(*at, tap) == Some(input));
                    assert_eq!(axis.output(input, tap), seen_by, "{axis:?}: {input}, {tap}");
                }
            }
        }
    }

    /// <https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2>
    #[test]
    fn same_is_tensorflows_padding() {
        let same = |size, window, stride| Padding::Same.around(size, window, stride);
        assert_eq!(same(224, 3, 2), [0, 1]);
        assert_eq!(same(112, 5, 2), [1, 2]);
        assert_eq!(same(33, 3, 2), [1, 1]);
        assert_eq!(same(7, 5, 1), [2, 2]);
        assert_eq!(same(1, 3, 2), [1, 1]);
        assert_eq!(same(9, 1, 1), [0, 0]);
    }
}
