//! Typed operators: one method of [`Graph`] each.
//!
//! The meaning of each is that of the ONNX operator set 18,
//! <https://onnx.ai/onnx/operators/index.html>.

use crate::{Attribute, Error, Graph, Node, Value};

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
    /// Height and width of the kernel; must be those of the weight.
    pub kernel: [usize; 2],
    /// Step between two windows, down and right.
    pub stride: [usize; 2],
    /// Rows of zeros above, columns of zeros on the left.
    pub padding: [usize; 2],
    /// Rows of zeros below, columns of zeros on the right.
    pub padding_after: [usize; 2],
    /// Groups of channels that are convolved separately; one group per channel is a depthwise
    /// convolution.
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

    /// Moves the window by `stride` rows and columns at a time.
    #[must_use]
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// Surrounds the input by `padding` rows and columns of zeros on each side.
    #[must_use]
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        self.with_uneven_padding(padding, padding)
    }

    /// Surrounds the input by rows and columns of zeros, of which there may be more on one side: TensorFlow's `SAME` has
    /// more below and on the right.
    #[must_use]
    pub fn with_uneven_padding(self, before: [usize; 2], after: [usize; 2]) -> Self {
        Self {
            padding: before,
            padding_after: after,
            ..self
        }
    }

    /// Convolves `groups` groups of channels separately.
    #[must_use]
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

/// Settings of [`Graph::gemm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GemmOptions {
    /// Take the left matrix transposed.
    pub transpose_a: bool,
    /// Take the right matrix transposed, as weights of linear layers are stored: `[outputs,
    /// inputs]`.
    pub transpose_b: bool,
}

impl GemmOptions {
    /// Sets whether the left matrix is transposed first.
    #[must_use]
    pub fn with_transpose_a(self, transpose_a: bool) -> Self {
        Self {
            transpose_a,
            ..self
        }
    }

    /// Sets whether the right matrix is transposed first.
    #[must_use]
    pub fn with_transpose_b(self, transpose_b: bool) -> Self {
        Self {
            transpose_b,
            ..self
        }
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
    /// The mean over all axes but batch and channels, which stay with extent 1.
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

    /// Limits every element to `minimum..=maximum`. The two limits become constants that all nodes
    /// share.
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

    /// Makes a matrix out of a tensor: the axes before `axis` become rows, the others columns.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is no such axis; [`Error::DuplicateName`].
    pub fn flatten(&mut self, name: &str, input: &Value, axis: i64) -> Result<Value, Error> {
        self.node(Node::new(name, "Flatten", &[input]).with_attribute("axis", axis))
    }

    /// `a * b + bias` for two matrices, either of them transposed first; the bias is broadcast to
    /// the result.
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

    /// Divides by the Euclidean length along an axis; negative axes count from the last. Where the length is 0, the
    /// result is 0 or not a number, as the runtime has it.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is no such axis; [`Error::DuplicateName`].
    pub fn l2_normalize(&mut self, name: &str, input: &Value, axis: i64) -> Result<Value, Error> {
        let node = Node::new(name, "LpNormalization", &[input])
            .with_attribute("axis", axis)
            .with_attribute("p", 2_i64);
        self.node(node)
    }

    /// Exponentials along an axis, divided by their sum; negative axes count from the last.
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
