//! The example runs, on the generated sample.

#[expect(dead_code, reason = "the test calls what the program calls")]
#[path = "../examples/train_folder.rs"]
mod train_folder;

use pet_tests::{backbone_bytes, runtime, small_data_set};

#[test]
fn the_example_trains_exports_and_evaluates() {
    let Some(runtime) = runtime("the_example_trains_exports_and_evaluates") else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let (images, backbone) = (work.path().join("images"), work.path().join("weights"));
    small_data_set(&images, 5);
    let backbone = backbone.with_extension("safetensors");
    fs_err::write(&backbone, backbone_bytes()).unwrap();
    let [images, backbone] = [&images, &backbone].map(|path| path.to_str().unwrap());
    let accuracy = train_folder::train_folder(images, backbone, work.path(), &runtime).unwrap();
    assert!((0.0..=1.0).contains(&accuracy), "{accuracy}");
    assert!(work.path().join("results/model.onnx").is_file());
    assert!(work.path().join("mlflow.db").is_file());
}
