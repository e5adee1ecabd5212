//! Compares the model card with a stored text. After an intended change, update it with
//! `UPDATE_CARD=1 cargo test -p pet-report --test card` and review the difference.

use std::collections::BTreeMap;
use std::path::Path;

use pet_model::{
    Calibration, Candidate, ClassMetrics, Metrics, ModelMetadata, Preprocess, Selection,
    SplitMetrics,
};
use pet_report::ModelCard;

fn metadata() -> ModelMetadata {
    let classes = ["Abyssinian", "Beagle", "Pug"].map(String::from).into();
    ModelMetadata::new("oxford_pet_classifier", classes, Preprocess::imagenet())
        .with_model_version("3")
        .with_run_id("2eb3f0")
        .with_val_acc(0.9125)
        .with_temperature(1.25)
}

fn split(command: &str, f1: [f64; 3]) -> SplitMetrics {
    let class = |f1| ClassMetrics { images: 10, precision: 0.9, recall: f1, f1 };
    let names = ["Abyssinian", "Beagle", "Pug"].map(String::from);
    SplitMetrics {
        images: 30,
        top1: 0.9,
        top5: 1.0,
        loss: 0.312_34,
        macro_f1: 0.9,
        known: Some(0.98),
        calibration: Some(Calibration {
            temperature: 1.25,
            error: 0.021,
            error_before: 0.054,
            loss_before: 0.33,
        }),
        classes: names.into_iter().zip(f1.map(class)).collect(),
        command: command.into(),
    }
}

fn metrics() -> Metrics {
    let params = [("batch_size", "32"), ("learning_rate", "0.001"), ("model_name", "mobilenet_v2")];
    let splits = [
        ("test", split("pet-cli evaluate --dataset oxford-iiit-pet --split test", [0.9, 0.8, 1.0])),
        ("validation", split("pet-cli evaluate --split validation", [0.7, 0.8, 0.9])),
    ];
    Metrics {
        dataset: "oxford-iiit-pet".into(),
        params: BTreeMap::from(params.map(|(name, value)| (name.into(), value.into()))),
        splits: BTreeMap::from(splits.map(|(name, split)| (name.into(), split))),
        quantization: None,
    }
}

fn selection() -> Selection {
    let candidate = |version: &str, val_acc, val_loss, reason: &str| Candidate {
        version: version.into(),
        run_id: format!("run{version}"),
        run_name: "mobilenet_v2_bs32_lr0.001".into(),
        val_acc,
        val_loss,
        multiply_adds: None,
        reason: reason.into(),
    };
    Selection {
        model_sha256: None,
        int8_sha256: None,
        model_name: "oxford_pet_classifier".into(),
        rule: "highest val_acc, then lowest val_loss, then newest".into(),
        version: "3".into(),
        run_id: "2eb3f0".into(),
        val_acc: 0.9125,
        alias: "champion".into(),
        dataset: None,
        candidates: vec![
            candidate("3", 0.9125, Some(0.31), "highest val_acc"),
            candidate("1", 0.88, None, "lower val_acc | by 0.0325"),
        ],
        excluded: vec![("2".into(), "its run logged no val_acc".into())],
    }
}

#[test]
fn the_card_is_the_one_kept_beside_this_test() {
    let card = ModelCard::new(&metadata(), &metrics())
        .with_selection(&selection())
        .with_usage(
            "```sh\npet-cli predict photo.jpg\npet-cli predict --top-k 3 --json photos/\n```\n",
        )
        .to_string();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/card.md");
    if std::env::var_os("UPDATE_CARD").is_some() {
        fs_err::write(&path, &card).unwrap();
    }
    assert_eq!(card, fs_err::read_to_string(&path).unwrap());
}

#[test]
fn what_is_not_known_is_not_claimed() {
    let classes = metadata().classes;
    let bare = ModelMetadata::new("oxford_pet_classifier", classes, Preprocess::imagenet());
    let metrics = Metrics { dataset: "holiday|pets".into(), ..Metrics::default() };
    let card = ModelCard::new(&bare, &metrics).to_string();
    for absent in ["version", "Oxford-IIIT", "CC BY-SA", "ImageNet", "## Selection", "%"] {
        assert!(!card.contains(absent), "`{absent}` in:\n{card}");
    }
    for present in
        ["`holiday|pets`", "No split has been evaluated", "not recorded", "has not been calibrated"]
    {
        assert!(card.contains(present), "no `{present}` in:\n{card}");
    }
}

#[test]
fn a_model_of_the_sample_promises_nothing_about_animals() {
    let card =
        ModelCard::new(&metadata(), &Metrics { dataset: "sample".into(), ..metrics() }).to_string();
    assert!(
        card.contains("cartoon") && card.contains("says nothing") | card.contains("say nothing")
    );
    assert!(!card.contains("CC BY-SA") && !card.contains("breed of the cat"));
}

#[test]
fn of_many_classes_the_weakest_and_strongest_are_listed() {
    let names: Vec<String> = (0..20).map(|index| format!("Breed {index:02}")).collect();
    let f1 =
        |index: usize| ClassMetrics { images: 5, f1: index as f64 / 20.0, ..Default::default() };
    let classes = names.iter().cloned().enumerate().map(|(index, name)| (name, f1(index)));
    let split = SplitMetrics { classes: classes.collect(), ..split("evaluate", [0.0; 3]) };
    let metrics = Metrics { splits: [("test".into(), split)].into(), ..metrics() };
    let metadata = ModelMetadata::new("pets", names, Preprocess::imagenet());
    let card = ModelCard::new(&metadata, &metrics).to_string();
    let table = |name: &str| card.contains(&format!("| {name} |"));
    assert!(table("Breed 00") && table("Breed 04") && table("Breed 15") && table("Breed 19"));
    assert!(!table("Breed 05") && !table("Breed 14"));
    assert!(card.contains("top-5"));
}
