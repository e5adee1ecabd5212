//! Single-threaded matrix products on slices.

/// A matrix in a slice, or its transposed view.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    ///
    /// If `data` has other than `rows` × `columns` elements, which is a bug in this crate.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "size of a matrix");
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Number of rows.
    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub(crate) fn columns(self) -> usize {
        self.columns
    }

    /// The transposed matrix.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Writes `left · right` to `product`, row by row.
///
/// The product is computed on one thread: for networks this narrow, parallelism over images is faster than within many
/// small products.
///
/// # Panics
///
/// If the sizes do not match, which is a bug in this crate.
pub(crate) fn multiply(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32]) {
    run_gemm(left, right, product, false);
}

/// Adds `left · right` to `sum`, row by row; otherwise as [`multiply`].
pub(crate) fn add_product(left: Matrix<'_>, right: Matrix<'_>, sum: &mut [f32]) {
    run_gemm(left, right, sum, true);
}

#[expect(unsafe_code, reason = "gemm takes pointers; their sizes are checked here")]
fn run_gemm(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32], accumulate: bool) {
    assert_eq!(left.columns, right.rows, "inner sizes of a matrix product");
    assert_eq!(product.len(), left.rows * right.columns, "size of a matrix product");
    if product.is_empty() {
        return;
    }
    // SAFETY: `Matrix::new` has checked that the slice has exactly the elements of the matrix, of which `transposed`
    // only exchanges rows and columns; `product` has exactly rows × columns elements, and as `&mut` it overlaps neither
    // operand.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            product.as_mut_ptr(),
            1,
            right.columns as isize,
            accumulate,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            if accumulate { 1.0_f32 } else { 0.0 },
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "sums of small whole numbers are exact")]
    fn a_product_equals_the_definition_transposed_or_not() {
        let left: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let right: Vec<f32> = (0..12).map(|i| (i * i) as f32).collect();
        let mut product = vec![f32::NAN; 8];
        multiply(Matrix::new(&left, 2, 3), Matrix::new(&right, 3, 4), &mut product);
        for row in 0..2 {
            for column in 0..4 {
                let sum: f32 = (0..3).map(|k| left[row * 3 + k] * right[k * 4 + column]).sum();
                assert_eq!(product[row * 4 + column], sum);
            }
        }
        let mut transposed = vec![f32::NAN; 8];
        let (left, right) = (Matrix::new(&left, 2, 3), Matrix::new(&right, 3, 4));
        multiply(right.transposed(), left.transposed(), &mut transposed);
        for row in 0..2 {
            for column in 0..4 {
                assert_eq!(transposed[column * 2 + row], product[row * 4 + column]);
            }
        }
    }

    #[test]
    fn a_product_can_be_added() {
        let ones = [1.0; 4];
        let mut sum = [10.0; 4];
        let matrix = Matrix::new(&ones, 2, 2);
        add_product(matrix, matrix, &mut sum);
        assert!(sum.iter().all(|sum| (sum - 12.0).abs() < 1e-6));
    }

    #[test]
    #[should_panic(expected = "size of a matrix")]
    fn a_matrix_larger_than_its_slice_is_caught() {
        Matrix::new(&[0.0; 5], 2, 3);
    }
}
