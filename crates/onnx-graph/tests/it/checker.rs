//! What ONNX itself says of the models, through Python's `onnx` package where there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use onnx_graph::Model;

use crate::networks::every_operator;

const CHECK: &str = "
import sys, onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
print({entry.key: entry.value for entry in model.metadata_props}['author'])
for value in list(inferred.graph.value_info) + list(inferred.graph.output):
    dims = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
    print(value.name, *dims, sep=',')
import numpy, onnx.reference
image = numpy.random.default_rng(0).random((2, 3, 16, 16), dtype=numpy.float32)
logits, probabilities, again = onnx.reference.ReferenceEvaluator(model).run(None, {'image': image})
assert numpy.array_equal(logits, again) and logits.shape == (2, 5), logits
assert numpy.allclose(probabilities.sum(axis=1), 1), probabilities
";

/// `PET_PYTHON`, else the interpreter in the workspace's cache, if it can import `onnx`. Without one, the test, after which
/// its thread is named, is skipped.
pub(crate) fn python_with_onnx() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cached = workspace.join(".cache/python-env/bin/python");
    let python = std::env::var_os("PET_PYTHON").map_or(cached, PathBuf::from);
    let found = Command::new(&python).args(["-c", "import onnx"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default();
        eprintln!("skipped: {test}: no Python with onnx");
        return None;
    }
    Some(python)
}

#[test]
fn the_onnx_checker_accepts_and_infers_the_same_shapes() {
    let Some(python) = python_with_onnx() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let model = every_operator().unwrap();
    fs_err::write(&path, model.to_bytes().unwrap()).unwrap();
    let output = Command::new(python).args(["-c", CHECK]).arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("nobody"));
    let theirs: Vec<_> = lines.map(str::to_owned).collect();
    assert_eq!(theirs.len(), model.nodes().len());
    for line in &theirs {
        let name = line.split(',').next().unwrap();
        assert_eq!(*line, our_line(&model, name));
    }
}

/// A result as the script prints it.
fn our_line(model: &Model, name: &str) -> String {
    let tensor_type = model.graph().type_of(name).unwrap();
    let dims = tensor_type.shape.iter().map(ToString::to_string);
    std::iter::once(name.to_owned()).chain(dims).collect::<Vec<_>>().join(",")
}
