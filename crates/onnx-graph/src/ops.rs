//! Typed operators: one method of [`Graph`] each.
//!
//! The operators are those of ONNX operator set 18,
//! <https://onnx.ai/onnx/operators/index.html>.

use crate::Error;
use crate::graph::Graph;
use crate::node::{Attribute, Node};
use crate::value::Value;

/// Settings of [`Graph::conv`].
///
/// ```
/// use onnx_graph::ConvOptions;
///
/// let depthwise = ConvOptions::square(3).with_stride([2, 2]).with_padding([1, 1]).with_groups(32);
/// assert_eq!(depthwise.kernel, [3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvOptions {
    /// Height and width of the kernel, as in the weight.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Zero padding at the top and the left.
    pub padding: [usize; 2],
    /// Zero padding at the bottom and the right.
    pub padding_after: [usize; 2],
    /// Groups of channels; one group per channel makes a depthwise convolution.
    pub groups: usize,
}

impl ConvOptions {
    /// A square kernel, stride 1, no padding, one group.
    pub fn square(kernel: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 2],
            padding_after: [0; 2],
            groups: 1,
        }
    }

    /// Sets the vertical and horizontal stride.
    #[must_use]
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// Sets the vertical and horizontal zero padding, the same on opposite sides.
    #[must_use]
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        self.with_uneven_padding(padding, padding)
    }

    /// Sets the zero padding at the top and left (`before`) and at the bottom and right (`after`), as TensorFlow's
    /// `SAME` padding needs.
    #[must_use]
    pub fn with_uneven_padding(self, before: [usize; 2], after: [usize; 2]) -> Self {
        Self { padding: before, padding_after: after, ..self }
    }

    /// Sets the number of groups of channels.
    #[must_use]
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

/// Settings of [`Graph::gemm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GemmOptions {
    /// Whether to transpose the left matrix first.
    pub transpose_a: bool,
    /// Whether to transpose the right matrix first, as for weights of linear layers, `[outputs,
    /// inputs]`.
    pub transpose_b: bool,
}

impl GemmOptions {
    /// Sets whether the left matrix is transposed first.
    #[must_use]
    pub fn with_transpose_a(self, transpose_a: bool) -> Self {
        Self { transpose_a, ..self }
    }

    /// Sets whether the right matrix is transposed first.
    #[must_use]
    pub fn with_transpose_b(self, transpose_b: bool) -> Self {
        Self { transpose_b, ..self }
    }
}

macro_rules! operators {
    ($($(#[$documentation:meta])* $method:ident, $op_type:literal, ($($input:ident),+);)*) => {
        impl Graph {$(
            $(#[$documentation])*
            ///
            /// # Errors
            /// [`Error::Input`] when shapes or element types do not fit; [`Error::DuplicateName`].
            pub fn $method(&mut self, name: &str, $($input: &Value),+) -> Result<Value, Error> {
                self.node(Node::new(name, $op_type, &[$($input),+]))
            }
        )*}
    };
}

operators! {
    /// `left + right`, elementwise with broadcasting.
    add, "Add", (left, right);
    /// `left - right`, elementwise with broadcasting.
    sub, "Sub", (left, right);
    /// `left * right`, elementwise with broadcasting.
    mul, "Mul", (left, right);
    /// `left / right`, elementwise with broadcasting.
    div, "Div", (left, right);
    /// The product of two matrices, or of two stacks of matrices.
    matmul, "MatMul", (left, right);
    /// The mean over all axes but batch and channels; those axes remain with size 1.
    global_average_pool, "GlobalAveragePool", (input);
    /// `max(input, 0)`.
    relu, "Relu", (input);
    /// `1 / (1 + exp(-input))`.
    sigmoid, "Sigmoid", (input);
    /// The input itself under another name.
    identity, "Identity", (input);
}

impl Graph {
    /// Convolves `[batch, channels, height, width]` with a weight of `[filters, channels / groups,
    /// height, width]` and adds a bias of `[filters]`.
    ///
    /// # Errors
    /// [`Error::Input`] when the shapes or the kernel do not fit; [`Error::DuplicateName`].
    pub fn conv(
        &mut self,
        name: &str,
        input: &Value,
        weight: &Value,
        bias: Option<&Value>,
        options: ConvOptions,
    ) -> Result<Value, Error> {
        let inputs: Vec<_> = [input, weight].into_iter().chain(bias).collect();
        let ([above, left], [below, right]) = (options.padding, options.padding_after);
        let node = Node::new(name, "Conv", &inputs)
            .with_attribute("dilations", vec![1_i64, 1])
            .with_attribute("group", options.groups as i64)
            .with_attribute("kernel_shape", integers(&options.kernel))
            .with_attribute("pads", integers(&[above, left, below, right]))
            .with_attribute("strides", integers(&options.stride));
        self.node(node)
    }

    /// Limits every element to `minimum..=maximum`. The limits become constants, shared by all nodes.
    ///
    /// # Errors
    /// [`Error::Input`] when the elements are not `f32`; [`Error::DuplicateName`].
    pub fn clip(
        &mut self,
        name: &str,
        input: &Value,
        minimum: f32,
        maximum: f32,
    ) -> Result<Value, Error> {
        let minimum = self.constant(minimum)?;
        let maximum = self.constant(maximum)?;
        self.node(Node::new(name, "Clip", &[input, &minimum, &maximum]))
    }

    /// Reshapes a tensor to a matrix: the axes before `axis` become rows, the others columns.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is no such axis; [`Error::DuplicateName`].
    pub fn flatten(&mut self, name: &str, input: &Value, axis: i64) -> Result<Value, Error> {
        self.node(Node::new(name, "Flatten", &[input]).with_attribute("axis", axis))
    }

    /// `a * b + bias` for two matrices, optionally transposed; the bias is broadcast.
    ///
    /// # Errors
    /// [`Error::Input`] when the shapes do not fit; [`Error::DuplicateName`].
    pub fn gemm(
        &mut self,
        name: &str,
        a: &Value,
        b: &Value,
        bias: Option<&Value>,
        options: GemmOptions,
    ) -> Result<Value, Error> {
        let inputs: Vec<_> = [a, b].into_iter().chain(bias).collect();
        let node = Node::new(name, "Gemm", &inputs)
            .with_attribute("transA", i64::from(options.transpose_a))
            .with_attribute("transB", i64::from(options.transpose_b));
        self.node(node)
    }

    /// Divides by the Euclidean norm along an axis; negative axes count from the last. Where the norm is 0, the result
    /// is 0 or NaN, depending on the runtime.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is no such axis; [`Error::DuplicateName`].
    pub fn l2_normalize(&mut self, name: &str, input: &Value, axis: i64) -> Result<Value, Error> {
        let node = Node::new(name, "LpNormalization", &[input])
            .with_attribute("axis", axis)
            .with_attribute("p", 2_i64);
        self.node(node)
    }

    /// Softmax along an axis; negative axes count from the last.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is no such axis; [`Error::DuplicateName`].
    pub fn softmax(&mut self, name: &str, input: &Value, axis: i64) -> Result<Value, Error> {
        self.node(Node::new(name, "Softmax", &[input]).with_attribute("axis", axis))
    }
}

fn integers(numbers: &[usize]) -> Attribute {
    Attribute::Ints(numbers.iter().map(|&number| number as i64).collect())
}
