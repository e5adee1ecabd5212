//! Export of 8-bit integer models.

use std::path::Path;

use pet_data::{Dataset, Silent, folder};
use pet_export::{Error, Exporter, Gate, Int8, select};
use pet_image::Format;
use pet_model::{INT8_MODEL_FILE, METRICS_FILE, Metrics, SELECTION_FILE, Selection, read_json};
use pet_predict::{ImagePredictor, Options, Precision};
use pet_tests::{Store, gradient, metadata, runtime};
use sha2::{Digest, Sha256};

/// Two images for each class of the stand-in.
fn pictures(place: &Path) -> Dataset {
    for (class, name) in (1..).zip(&metadata().classes) {
        for image in 1..=2 {
            let file = place.join(name).join(format!("{image}.png"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            let picture = gradient(40 * class, 50 * image, Format::Png);
            fs_err::write(file, picture).unwrap();
        }
    }
    folder::load(place).unwrap()
}

/// A gate that accepts everything or nothing, since the predictions of random weights are too close to be the same in
/// integers.
fn gate(open: bool) -> Gate {
    let mut gate = Gate::default();
    let limit = if open { 1.0 } else { -1.0 };
    (gate.loss, gate.differing) = (limit, limit);
    gate
}

#[test]
fn both_precisions_are_exported_together() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let dataset = pictures(&place.path().join("pictures"));
    let samples: Vec<_> = dataset.samples().cloned().collect();
    let int8 = Int8::new(&dataset, &samples, &Silent).with_gate(gate(true));
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.path().join("results");
    let exporter = Exporter::new(&store.client, &runtime);
    let exported = exporter.with_int8(Some(&int8)).export(&selection, &results).unwrap();

    let file = results.join(INT8_MODEL_FILE);
    assert!(exported.files.contains(&file), "{:?}", exported.files);
    let kept: Selection = read_json(&results.join(SELECTION_FILE)).unwrap();
    let digest = format!("{:x}", Sha256::digest(fs_err::read(&file).unwrap()));
    assert_eq!(kept.int8_sha256, Some(digest));
    let metrics: Metrics = read_json(&results.join(METRICS_FILE)).unwrap();
    assert_eq!(metrics.quantization, exported.quantization);
    let figures = exported.quantization.unwrap();
    assert_eq!((figures.images, figures.layers, figures.fp32_layers), (10, 52, 0));
    assert!(3 * figures.bytes_int8 < figures.bytes_fp32, "{figures:?}");

    let predictor = ImagePredictor::load(&runtime, &results, &Options::default()).unwrap();
    let expected = exported.metadata.clone().with_precision(Precision::Int8);
    assert_eq!(*predictor.metadata(), expected, "what is loaded unasked");

    // The next export has no integer model, so the one of this export must be removed.
    let exporter = Exporter::new(&store.client, &runtime);
    let exported = exporter.export(&selection, &results).unwrap();
    assert!(exported.quantization.is_none() && !file.exists());
    let kept: Selection = read_json(&results.join(SELECTION_FILE)).unwrap();
    assert_eq!(kept.int8_sha256, None);
}

#[test]
fn rejected_model_leaves_registry_and_results_unchanged() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let dataset = pictures(&place.path().join("pictures"));
    let samples: Vec<_> = dataset.samples().cloned().collect();
    let int8 = Int8::new(&dataset, &samples, &Silent).with_gate(gate(false));
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.path().join("results");
    let exporter = Exporter::new(&store.client, &runtime).with_int8(Some(&int8));
    let error = exporter.export(&selection, &results).unwrap_err();
    let Error::Gate { figures, .. } = &error else { panic!("{error}") };
    assert_eq!(figures.images, 10);
    assert!(error.to_string().contains("on 10 validation images"), "{error}");
    assert_eq!(fs_err::read_dir(&results).unwrap().count(), 0);
    let champion = store.client.model_version_by_alias("stand_in", pet_export::CHAMPION);
    assert!(champion.is_err(), "{champion:?}");
}
