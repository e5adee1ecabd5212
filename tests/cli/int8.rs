//! Export and use of int8 models.

use pet_model::{INT8_MODEL_FILE, METRICS_FILE, Metrics, Precision, read_json};
use pet_predict::{Model, Options};
use pet_tests::{colours_data_set, colours_results};

use crate::test_dir::TestDir;

const DATA: &str = "--dataset folder --data-dir colours";

/// A folder with a model of colours and a data set. Activations of red are multiplied by `spread`.
fn dir(spread: f32) -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    colours_results(&dir.path("results"), spread);
    colours_data_set(&dir.path("colours"), 20);
    Some(dir)
}

#[test]
fn an_accurate_int8_model_is_exported_and_used() {
    let Some(dir) = dir(1.0) else { return };
    let text = dir.run(&format!("export --precision int8 {DATA}")).ok();
    let expected = "int8: accuracy 1.0000 on 12 validation images (fp32 1.0000), the same prediction for 100.00 %;";
    assert!(text.starts_with(expected), "{text}");
    let metrics: Metrics = read_json(&dir.path("results").join(METRICS_FILE)).unwrap();
    let figures = metrics.quantization.unwrap();
    assert_eq!((figures.fp32_layers, figures.layers), (0, 12));
    assert_eq!(
        figures.bytes_int8,
        fs_err::metadata(dir.path("results/model.int8.onnx")).unwrap().len()
    );
    for precision in Precision::ALL {
        let options = Options::default().with_precision(Some(precision));
        let described = Model::describe(&dir.path("results").into(), &options).unwrap();
        let reference = described.reference.unwrap();
        let images = (reference.images.as_str(), reference.count());
        assert_eq!(images, ("validation", 12), "{precision}");
        assert_eq!(reference.classes, [4, 4, 4], "{precision}");
        assert_eq!(reference.similarity.iter().sum::<u32>(), 12, "{precision}");
        assert!(!reference.trained_on);
    }
    let card = fs_err::read_to_string(dir.path("results/MODEL_CARD.md")).unwrap();
    assert!(card.contains("`model.int8.onnx`"), "{card}");

    for precision in ["auto", "fp32", "int8"] {
        let answer =
            dir.run(&format!("predict --precision {precision} colours/train/green/3.png")).ok();
        assert!(answer.starts_with("Predicted class: green"), "{precision}: {answer}");
        let evaluate = format!("evaluate {DATA} --split validation --precision {precision}");
        let name = if precision == "fp32" { "validation:" } else { "validation, int8:" };
        let text = dir.run(&evaluate).ok();
        assert!(text.starts_with(name), "{precision}: {text}");
    }
    let metrics: Metrics = read_json(&dir.path("results").join(METRICS_FILE)).unwrap();
    let commands: Vec<_> = metrics.splits.values().map(|split| split.command.as_str()).collect();
    assert!(commands[0].ends_with("--split validation --precision fp32"), "{commands:?}");
    assert!(commands[1].ends_with("--split validation --precision int8"), "{commands:?}");
    assert_eq!(metrics.quantization.map(|one| one.images), Some(12));
    // Explanations use the dequantized weights.
    dir.run("explain colours/train/red/0.png -o map.png").ok();
}

#[test]
fn an_inaccurate_int8_model_is_rejected() {
    let Some(dir) = dir(1e6) else { return };
    dir.refused(&format!("export --precision int8 {DATA}"))
        .naming(&[
            "int8 model is not good enough",
            "12 validation images",
            "fp32 1.0000",
            "at most 2.00 %",
        ])
        .hinting("--precision fp32");
    dir.refused("predict --precision int8 colours/train/red/0.png")
        .naming(&[INT8_MODEL_FILE])
        .hinting("pet-cli export");
    let answer = dir.run("predict colours/train/red/0.png").ok();
    assert!(answer.starts_with("Predicted class: red"), "{answer}");
}

#[test]
fn calibration_images_of_other_classes_are_rejected() {
    let Some(dir) = dir(1.0) else { return };
    dir.prepare_training(5);
    dir.refused("export --precision int8 --dataset folder --data-dir pets")
        .naming(&["no class"])
        .hinting("--dataset");
}
