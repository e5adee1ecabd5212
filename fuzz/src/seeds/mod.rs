//! Seeds besides the files of the tests: inputs with deep and numerous structures, small enough to be mutated fast.

mod bodies;
mod pictures;
mod tables;

use crate::root;

type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Writes the seeds of a target to its corpus.
pub(crate) fn write(target: &str) {
    let seeds = match target {
        "image" => pictures::seeds(),
        "checkpoint" => tables::pickles(),
        "safetensors" => tables::safetensors(),
        "onnx" => tables::models(),
        "model" => tables::changes(),
        "annotations" => tables::annotations(),
        "form" => bodies::forms(),
        "protocol" => bodies::inferences(),
        "grpc" => bodies::calls(),
        "mlflow" => bodies::answers(),
        other => panic!("no seeds for `{other}`"),
    };
    let folder = root().join("fuzz/corpus").join(target);
    fs_err::create_dir_all(&folder).expect("a folder for seeds");
    for (name, seed) in seeds {
        fs_err::write(folder.join(name), seed).expect("a written seed");
    }
}
