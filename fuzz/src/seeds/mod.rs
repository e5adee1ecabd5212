//! What the targets begin with, beside the files that the tests have: structures as deep and as numerous as they get, small
//! enough to be changed many times.

mod bodies;
mod pictures;
mod tables;

use crate::root;

type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Writes the seeds of a target to where libFuzzer will look for them.
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
        "mlflow" => bodies::answers(),
        other => panic!("no seeds for `{other}`"),
    };
    let folder = root().join("fuzz/corpus").join(target);
    fs_err::create_dir_all(&folder).expect("a folder for seeds");
    for (name, seed) in seeds {
        fs_err::write(folder.join(name), seed).expect("a written seed");
    }
}
