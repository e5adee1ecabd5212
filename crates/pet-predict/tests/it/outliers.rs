//! Pictures that show none of the classes.

use pet_predict::{Error, Model, Options, Runtime, Session};

use crate::support::{Parts, metadata, picture, runtime};

/// A model that answers similarities, or says that it does, or both.
fn parts(answers: bool, least: Option<f64>) -> Parts {
    let mut metadata = metadata(&["red", "green", "blue"]);
    metadata.least_similarity = least;
    Parts {
        similarity: answers,
        metadata: metadata.to_properties().unwrap().into_iter().collect(),
        ..Parts::default()
    }
}

fn load(runtime: &Runtime, parts: Parts) -> Result<Session, Error> {
    Model::load(runtime, parts.folder().path(), &Options::default())?.session()
}

#[test]
fn outliers_are_detected() {
    let Some(runtime) = runtime() else { return };
    let mut session = load(&runtime, parts(true, Some(0.9))).unwrap();
    let mut ask = |colour| {
        let prediction = session.predict(&picture(colour)).unwrap();
        (prediction.is_known(), prediction.similarity().unwrap())
    };
    let (known, similarity) = ask([200, 0, 0]);
    assert_eq!(known, Some(true), "however dark");
    assert!((similarity - 1.0).abs() < 1e-6, "{similarity}");
    let (known, similarity) = ask([200, 200, 0]);
    assert_eq!(known, Some(false), "between two classes");
    assert!((similarity - 0.5_f32.sqrt()).abs() < 1e-6, "{similarity}");
    let (known, similarity) = ask([0, 0, 0]);
    assert_eq!(known, Some(false), "no direction at all");
    assert!((-1.0..=1.0).contains(&similarity), "{similarity}");
}

#[test]
fn a_model_without_examples_does_not_tell() {
    let Some(runtime) = runtime() else { return };
    let mut session = load(&runtime, parts(false, None)).unwrap();
    let prediction = session.predict(&picture([9, 9, 9])).unwrap();
    assert_eq!((prediction.is_known(), prediction.similarity()), (None, None));
}

#[test]
fn an_output_and_its_threshold_go_together() {
    let Some(runtime) = runtime() else { return };
    let refusal = |parts| load(&runtime, parts).unwrap_err().to_string();
    let missing = refusal(parts(false, Some(0.5)));
    assert!(missing.contains("`similarity: f32[any, 3]`"), "{missing}");
    let unread = refusal(parts(true, None));
    assert!(unread.contains("got `output: f32["), "{unread}");
    assert!(unread.contains("`similarity: f32["), "{unread}");
}
