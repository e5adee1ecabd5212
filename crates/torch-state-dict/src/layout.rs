//! Where the elements of a tensor are within their storage.

use crate::Error;

/// Shape, strides and first element of a view, in elements of the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Vec<usize>,
    /// As many as there are dimensions.
    pub(crate) strides: Vec<usize>,
    pub(crate) offset: usize,
}

impl Layout {
    /// The number of elements, or `None` where it overflows.
    pub(crate) fn element_count(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
    }

    /// Whether every element is within a storage of `elements`, and there are no more of them than
    /// the storage has, so that an expanded view cannot turn a small file into a huge tensor.
    pub(crate) fn fits(&self, elements: usize) -> bool {
        match self.element_count() {
            None => false,
            Some(0) => true,
            Some(count) => count <= elements && self.last().is_some_and(|last| last < elements),
        }
    }

    /// The error for a tensor that does not fit a storage of `elements`.
    pub(crate) fn misfit(&self, name: &str, elements: usize) -> Error {
        Error::Layout {
            name: name.to_owned(),
            shape: self.shape.clone(),
            strides: self.strides.clone(),
            offset: self.offset,
            elements,
        }
    }

    /// The storage index of each element in row-major order.
    ///
    /// All are within the storage if the layout [fits](Self::fits) it.
    pub(crate) fn indices(&self) -> Indices<'_> {
        Indices {
            layout: self,
            position: vec![0; self.shape.len()],
            index: self.offset,
            left: self.element_count().unwrap_or(0),
        }
    }

    /// The largest index: that of the last element, since strides are never negative.
    fn last(&self) -> Option<usize> {
        self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (size, stride)| {
            last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)
        })
    }
}

/// Iterator over storage indices; see [`Layout::indices`].
pub(crate) struct Indices<'a> {
    layout: &'a Layout,
    position: Vec<usize>,
    index: usize,
    left: usize,
}

impl Indices<'_> {
    /// Moves to the next position, counting up from the last dimension as an odometer does.
    fn step(&mut self) {
        let dimensions = self.layout.shape.iter().zip(&self.layout.strides);
        for (position, (size, stride)) in self.position.iter_mut().zip(dimensions).rev() {
            *position += 1;
            self.index = self.index.wrapping_add(*stride);
            if *position < *size {
                return;
            }
            self.index = self.index.wrapping_sub(size.wrapping_mul(*stride));
            *position = 0;
        }
    }
}

impl Iterator for Indices<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let index = self.index;
        self.step();
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layout(shape: &[usize], strides: &[usize], offset: usize) -> Layout {
        Layout { shape: shape.to_vec(), strides: strides.to_vec(), offset }
    }

    #[test]
    fn a_transposed_view_is_gathered() {
        let transposed = layout(&[3, 2], &[1, 3], 0);
        assert!(transposed.fits(6));
        assert_eq!(transposed.indices().collect::<Vec<_>>(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_scalar_has_one_element_and_an_empty_tensor_none() {
        assert_eq!(layout(&[], &[], 4).indices().collect::<Vec<_>>(), [4]);
        assert!(!layout(&[], &[], 4).fits(4));
        let empty = layout(&[usize::MAX, usize::MAX, 0], &[1, 1, 1], usize::MAX);
        assert!(empty.fits(0));
        assert_eq!(empty.indices().count(), 0);
    }

    #[test]
    fn views_outside_the_storage_do_not_fit() {
        assert!(!layout(&[6], &[1], 1).fits(6));
        assert!(!layout(&[2, 3], &[4, 1], 0).fits(6));
        assert!(!layout(&[usize::MAX, 2], &[0, 0], 0).fits(usize::MAX));
        assert!(!layout(&[3, 2], &[usize::MAX, 1], 0).fits(6));
        assert!(!layout(&[2], &[1], usize::MAX).fits(6));
        assert!(!layout(&[7], &[0], 0).fits(6), "more elements than the storage holds");
    }

    proptest! {
        #[test]
        fn indices_follow_the_definition_and_stay_inside(
            dimensions in prop::collection::vec((0_usize..4, 0_usize..6), 0..4),
            offset in 0_usize..5,
            elements in 0_usize..80,
        ) {
            let (shape, strides): (Vec<_>, Vec<_>) = dimensions.into_iter().unzip();
            let layout = Layout { shape, strides, offset };
            let mut expected = vec![offset];
            for (size, stride) in layout.shape.iter().zip(&layout.strides) {
                expected = expected
                    .iter()
                    .flat_map(|base| (0..*size).map(move |position| base + position * stride))
                    .collect();
            }
            let inside = expected.iter().all(|index| *index < elements);
            prop_assert_eq!(layout.fits(elements), inside && expected.len() <= elements);
            prop_assert_eq!(layout.indices().collect::<Vec<_>>(), expected);
        }
    }
}
