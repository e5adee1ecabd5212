//! The comparison of two registered versions on images that neither was trained on.

use std::path::Path;

use pet_data::Silent;
use pet_export::{CHAMPION, Contest, Error, Exporter, HeldOut, VersionRef, promote};
use pet_image::Format;
use pet_pipeline::promote::{Gate, Verdict};
use pet_pipeline::{DataSource, TrainedData, TrainingRecord};
use pet_predict::Precision;
use pet_tests::{Store, gradient, metadata, runtime};

/// Three training images and two test images of each class of the stand-in.
fn pictures(place: &Path) -> DataSource {
    for (class, name) in (1..).zip(&metadata().classes) {
        for (image, split) in (1..).zip(["train", "train", "train", "test", "test"]) {
            let file = place.join(split).join(name).join(format!("{image}.png"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, gradient(40 * class, 30 * image, Format::Png)).unwrap();
        }
    }
    DataSource::Folder(place.to_owned())
}

#[test]
fn versions_are_compared_as_they_would_be_served() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    store.client.set_alias("stand_in", CHAMPION, 1).unwrap();
    let champion = || store.client.model_version_by_alias("stand_in", CHAMPION).unwrap().version;
    let source = pictures(&place.path().join("pets"));
    let data = TrainedData::new(source, TrainingRecord::default(), place.path());
    let contest = Contest::find(&store.client, "stand_in", VersionRef::Version(2)).unwrap();

    // Nothing is recorded about the training images of the stand-ins.
    let unknown = contest.images(&data, HeldOut::Validation, &Silent).err().unwrap();
    assert!(matches!(unknown, Error::Incomparable { .. }), "{unknown}");
    let images = contest.images(&data, HeldOut::Test, &Silent).unwrap();

    let exporter = Exporter::new(&store.client, &runtime);
    let results = place.path().join("results");
    let mut gate = Gate::default();
    gate.accuracy.threshold = Some(1.0);
    let promotion = contest.compare(&exporter, &images, &gate, &results, None).unwrap();
    assert_eq!(promotion.images, "10 test images of pets");
    assert_eq!(promotion.challenger.version, 2);
    assert_eq!(promotion.champion.as_ref().unwrap().version, 1);
    let [comparison] = promotion.comparisons.as_slice() else { panic!("{promotion:?}") };
    assert_eq!(comparison.precision, Precision::Fp32);
    assert!(comparison.challenger.known.is_some(), "it learns from the training images");
    assert!(!results.exists(), "the versions are exported elsewhere");

    assert_eq!(promotion.verdict, Verdict::Refused, "weights are random: {promotion:?}");
    promote(&store.client, &promotion).unwrap();
    assert_eq!(champion(), 1);
}
