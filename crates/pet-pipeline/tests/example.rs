//! Runs the example.

#[expect(dead_code, reason = "the test calls the function of the program")]
#[path = "../examples/train_folder.rs"]
mod train_folder;

use pet_tests::{backbone_bytes, runtime, small_data_set};

#[test]
fn the_example_trains_exports_and_evaluates() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().to_owned();
    let (images, backbone) = (work.join("images"), work.join("weights.safetensors"));
    small_data_set(&images, 5);
    fs_err::write(&backbone, backbone_bytes()).unwrap();
    let accuracy = train_folder::train_folder([&images, &backbone, &work], &runtime).unwrap();
    assert!((0.0..=1.0).contains(&accuracy), "{accuracy}");
    assert!(work.join("results/model.onnx").is_file());
    assert!(work.join("mlflow.db").is_file());
}
