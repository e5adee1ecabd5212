"""Makes `tiny.onnx`: y = x·w with x [batch, 4] and w [4, 3] = 0..11. Run beside the file."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "tiny",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
    [numpy_helper.from_array(weights, "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, "tiny.onnx")
