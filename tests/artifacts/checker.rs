//! ONNX's own checker.

use std::process::Command;

use pet_model::MODEL_FILE;
use pet_tests::{python_with_onnx, results};

const CHECK: &str = "
import sys, onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
[opset] = model.opset_import
print(opset.version)
for output in inferred.graph.output:
    print(output.name, *[dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim])
";

#[test]
fn onnx_checker_accepts_the_model() {
    let Some(python) = python_with_onnx() else { return };
    let folder = results();
    let classes = pet_model::read_classes(&folder.join(pet_model::CLASSES_FILE)).unwrap().len();
    let output =
        Command::new(python).args(["-c", CHECK]).arg(folder.join(MODEL_FILE)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("18"));
    assert_eq!(lines.next(), Some(&*format!("output batch {classes}")));
    // If the model detects unknown images.
    let similarity = format!("similarity batch {classes}");
    assert!(lines.all(|line| line == similarity), "{said}");
}
