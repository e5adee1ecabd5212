use super::*;

fn model() -> OnnxModel {
    let signature = Signature::new(
        [TensorSpec::new("x", DataType::Float32, &[-1, 2])],
        [TensorSpec::new("y", DataType::Float32, &[-1, 3])],
    );
    let created = Timestamp::from_millis(1_795_394_976_972);
    OnnxModel::new("4e4a4426d01f4796b94acae54a673f37", created, signature)
        .example(ExampleTensor::new("x", &[2, 2], [1.0, 0.1, -3.5, 0.0]))
        .metadata("val_acc", 0.91)
}

fn write(model: &OnnxModel) -> Result<(tempfile::TempDir, PathBuf)> {
    let place = tempfile::tempdir().unwrap();
    let network = place.path().join("any.onnx");
    fs_err::write(&network, b"network").unwrap();
    let folder = place.path().join("deep/model");
    model.write(&network, &folder)?;
    Ok((place, folder))
}

#[test]
fn the_manifest_is_as_mlflow_writes_it() {
    let (_place, folder) = write(&model()).unwrap();
    let manifest = fs_err::read_to_string(folder.join("MLmodel")).unwrap();
    let expected = "\
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: \"1.23.2\"
    providers:
      - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: \"3.11.7\"
metadata:
  val_acc: 0.91
mlflow_version: \"3.17.2\"
model_uuid: \"4e4a4426d01f4796b94acae54a673f37\"
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: ndarray
signature:
  inputs: \"[{\\\"name\\\":\\\"x\\\",\\\"tensor-spec\\\":{\\\"dtype\\\":\\\"float32\\\",\\\"shape\\\":[-1,2]},\\\"type\\\":\\\"tensor\\\"}]\"
  outputs: \"[{\\\"name\\\":\\\"y\\\",\\\"tensor-spec\\\":{\\\"dtype\\\":\\\"float32\\\",\\\"shape\\\":[-1,3]},\\\"type\\\":\\\"tensor\\\"}]\"
  params: null
utc_time_created: \"2026-11-23 00:49:36.972000\"
";
    assert_eq!(manifest, expected);
}

#[test]
fn everything_is_in_the_folder_and_nothing_beside_it() {
    let extra = tempfile::tempdir().unwrap();
    let weights = extra.path().join("weights.safetensors");
    fs_err::write(&weights, "w").unwrap();
    let model = model().extra_file(weights);
    let (_place, folder) = write(&model).unwrap();
    let names = |folder: &Path| -> Vec<_> {
        let entries = fs_err::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let expected = [
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "model.onnx",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
        "weights.safetensors",
    ];
    assert_eq!(names(&folder), expected);
    assert_eq!(names(folder.parent().unwrap()), ["model"]);
    assert_eq!(fs_err::read(folder.join("model.onnx")).unwrap(), b"network");
    let example = fs_err::read_to_string(folder.join("serving_input_example.json")).unwrap();
    assert_eq!(example, r#"{"inputs":{"x":[[1.0,0.1],[-3.5,0.0]]}}"#);
}

#[test]
fn an_example_must_fit_the_signature() {
    let mut wrong = model();
    wrong.example[0].shape = vec![4, 1];
    assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
    wrong.example[0].shape = vec![3, 2];
    assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
    wrong.example[0].name = "z".to_owned();
    assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
}

#[test]
fn nothing_is_replaced() {
    let (place, folder) = write(&model()).unwrap();
    let network = place.path().join("any.onnx");
    assert!(matches!(model().write(&network, &folder), Err(Error::AlreadyExists { .. })));
    let mut greedy = model();
    greedy.extra_files.push(folder.join("MLmodel"));
    let error = greedy.write(&network, &place.path().join("other")).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }));
    assert!(!place.path().join("other").exists());
    let missing = place.path().join("none.onnx");
    assert!(matches!(model().write(&missing, &place.path().join("other")), Err(Error::Io { .. })));
    assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 2, "no remains");
}

#[test]
fn a_function_of_ones_own_takes_a_table() {
    let function = PythonFunction::new("loader")
        .code("loader.py", "pass\n")
        .requirement("pillow==13.0.0")
        .input("image", ColumnKind::Binary)
        .output("class", ColumnKind::Text)
        .output("scores", ColumnKind::Doubles)
        .example(Cell::Binary(b"png".to_vec()));
    let mut model = model().python(function);
    let (place, folder) = write(&model).unwrap();
    let read = |name: &str| fs_err::read_to_string(folder.join(name)).unwrap();
    let manifest = read("MLmodel");
    for line in [
        "    code: code",
        "    loader_module: loader",
        "  pandas_orient: split",
        "  type: dataframe",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{manifest}");
    }
    assert!(manifest.contains(r#"\"name\":\"image\",\"required\":true,\"type\":\"binary\""#));
    assert_eq!(read("code/loader.py"), "pass\n");
    assert!(read("requirements.txt").ends_with("onnxruntime==1.28.0\npillow==13.0.0\n"));
    assert!(read("conda.yaml").contains("  - pillow==13.0.0\n"));
    assert_eq!(
        read("serving_input_example.json"),
        r#"{"dataframe_split":{"columns":["image"],"data":[["cG5n"]]}}"#
    );

    let python = model.python.as_mut().unwrap();
    python.code.insert("../x.py".to_owned(), String::new());
    let network = place.path().join("any.onnx");
    let error = model.write(&network, &place.path().join("other")).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}
