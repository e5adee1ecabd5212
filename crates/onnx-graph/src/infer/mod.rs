//! Type and shape inference.

mod call;
mod conv;
mod elementwise;
mod linear;
mod quantization;

use call::Call;

use crate::{Error, Node, TensorType};

/// The type of the only output of `node` for inputs of these types (`None` for an omitted one);
/// `None` for an unknown operator.
pub(crate) fn infer(
    node: &Node,
    inputs: &[Option<&TensorType>],
) -> Result<Option<TensorType>, Error> {
    let call = Call { node, inputs };
    let rule = match node.op_type.as_str() {
        "Add" | "Sub" | "Mul" | "Div" => elementwise::arithmetic,
        "Clip" => elementwise::clip,
        "Identity" | "Relu" => elementwise::same,
        "Sigmoid" => elementwise::same_float,
        "LpNormalization" | "Softmax" => elementwise::along_axis,
        "Conv" => conv::conv,
        "GlobalAveragePool" => conv::global_average_pool,
        "Flatten" => linear::flatten,
        "Gemm" => linear::gemm,
        "MatMul" => linear::matmul,
        "QuantizeLinear" => quantization::quantize,
        "DequantizeLinear" => quantization::dequantize,
        _ => return Ok(None),
    };
    call.has_one_output()?;
    rule(&call)
}
