use super::support::{CLASSES, Squares, features, train, train_unvalidated};
use crate::{Configuration, Error, Examples, Features, FineTune, Trained};

fn head(configuration: &Configuration) -> Result<Trained, Error> {
    train([&features(90, 1), &features(30, 2)], configuration)
}

fn digest(trained: &Trained) -> String {
    trained.weights.digest().unwrap()
}

#[test]
fn what_can_be_learned_is_learned() {
    let configuration =
        Configuration { epochs: 12, learning_rate: 1e-2, ..Configuration::default() };
    let trained = head(&configuration).unwrap();
    assert!(trained.best.val_acc > Some(0.95), "{:?}", trained.history);
    assert!(trained.history[11].train_loss < trained.history[0].train_loss);
    assert_eq!(trained.logits.len(), 30);
    assert!(trained.logits.iter().all(|row| row.len() == CLASSES));
}

#[test]
fn fine_tuning_learns_with_all_that_can_be_asked_for() {
    let configuration = Configuration {
        epochs: 4,
        mixup: 0.2,
        average: 0.9,
        body_learning_rate: 1e-3,
        ..Configuration::fine_tuning(FineTune::All)
    };
    let trained = train([&Squares::new(48), &Squares::new(9)], &configuration).unwrap();
    assert!(trained.best.val_acc > Some(0.6), "{:?}", trained.history);
}

/// The size of the validation images changes their metrics, but not the weights.
#[test]
fn larger_images_may_be_validated_than_are_trained_on() {
    let configuration = Configuration { epochs: 1, ..Configuration::fine_tuning(FineTune::All) };
    let validated_at = |side| {
        let examples = [Squares::new(12), Squares::sized(6, side)];
        train([&examples[0], &examples[1]], &configuration).unwrap()
    };
    let (small, large) = (validated_at(32), validated_at(64));
    assert_eq!(digest(&small), digest(&large));
    assert_ne!(small.logits, large.logits);
}

#[test]
fn the_same_seed_gives_the_same_weights_on_any_number_of_threads() {
    let configuration = Configuration {
        epochs: 2,
        batch_size: 5,
        mixup: 0.3,
        ..Configuration::fine_tuning(FineTune::All)
    };
    let on = |threads, teachers, configuration: &Configuration| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let distilled = Squares::new(11).with_teachers(teachers);
        let squares = [&distilled as &dyn Examples, &Squares::new(3)];
        pool.install(|| digest(&train(squares, configuration).unwrap()))
    };
    let one = on(1, 0, &configuration);
    assert_eq!(one, on(2, 0, &configuration));
    assert_eq!(one, on(5, 0, &configuration));
    let distilled = on(1, 2, &configuration);
    assert_ne!(one, distilled);
    assert_eq!(distilled, on(3, 2, &configuration));
    let other = Configuration { seed: 43, ..configuration };
    assert_ne!(one, on(2, 0, &other));
}

#[test]
fn what_is_frozen_stays() {
    let configuration =
        Configuration { epochs: 1, ..Configuration::fine_tuning(FineTune::Last(2)) };
    // Blocks 17 and 18 take 160 channels; one pixel is enough.
    let activations = |count: usize| Features {
        values: (0..count * 160).map(|at| (at as f32 * 0.3).sin()).collect(),
        mirrored: Some((0..count * 160).map(|at| (at as f32 * 0.3).cos()).collect()),
        length: 160,
        labels: (0..count as u32).map(|at| at % 3).collect(),
    };
    let trained = train([&activations(12), &activations(6)], &configuration).unwrap();
    let before = crate::Weights::random(7).unwrap();
    let changed: Vec<&String> = before
        .iter()
        .filter(|(name, tensor)| {
            let after = trained.weights.get(name, tensor.dims()).unwrap();
            let values = |tensor: &candle_core::Tensor| -> Vec<f32> {
                tensor.flatten_all().unwrap().to_vec1().unwrap()
            };
            values(tensor) != values(after)
        })
        .map(|(name, _)| name)
        .collect();
    assert!(
        changed
            .iter()
            .all(|name| name.starts_with("features.17") || name.starts_with("features.18"))
    );
    assert!(changed.iter().all(|name| !name.contains("running")));
    // Two blocks have four layers with three trained tensors each.
    assert_eq!(changed.len(), 12);
}

#[test]
fn patience_ends_training_and_the_best_epoch_is_kept() {
    let configuration =
        Configuration { epochs: 200, patience: Some(3), ..Configuration::default() };
    // Validated on what it learns, whose loss falls long after all answers are right.
    let examples = features(90, 1);
    let trained = train([&examples, &examples], &configuration).unwrap();
    let history = &trained.history;
    assert!(history.len() < 200);
    assert!(history.iter().all(|epoch| epoch.val_acc <= trained.best.val_acc));
    // A lower loss at the same accuracy makes an epoch the best, yet is nothing to wait for.
    let first = history.iter().find(|epoch| epoch.val_acc >= trained.best.val_acc).unwrap();
    assert!(trained.best.epoch > first.epoch);
    assert_eq!(history.len(), first.epoch + 1 + 3);
}

#[test]
fn without_validation_the_last_epoch_is_kept() {
    let configuration = Configuration { epochs: 3, ..Configuration::default() };
    let trained = train_unvalidated(&configuration).unwrap();
    assert_eq!((trained.best.epoch, trained.history.len()), (2, 3));
    assert_eq!((trained.best.val_acc, trained.best.val_loss), (None, None));
    assert!(trained.logits.is_empty());
    // With that number of epochs the best of a validated training is the last, and the weights are the same.
    let examples = features(90, 1);
    let validated = train([&examples, &examples], &configuration).unwrap();
    let refit = Configuration { epochs: validated.best.epoch + 1, ..configuration.clone() };
    let refit = train_unvalidated(&refit).unwrap();
    assert_eq!(digest(&refit), digest(&validated));
    let patient = Configuration { patience: Some(1), ..configuration };
    let error = train_unvalidated(&patient).unwrap_err().to_string();
    assert!(error.starts_with("patience"), "{error}");
}

#[test]
fn teachers_are_learned_from() {
    let configuration = Configuration {
        epochs: 4,
        mixup: 0.2,
        average: 0.9,
        body_learning_rate: 1e-3,
        teacher_weight: 1.0,
        ..Configuration::fine_tuning(FineTune::All)
    };
    // The labels say nothing, so what is known in the end is known from the teachers.
    let mut mislabelled = Squares::new(48).with_teachers(2);
    mislabelled.labels.fill(0);
    let trained = train([&mislabelled, &Squares::new(9)], &configuration).unwrap();
    assert!(trained.best.val_acc > Some(0.6), "{:?}", trained.history);
}

#[test]
fn a_diverging_run_says_so() {
    let configuration = Configuration { learning_rate: 1e38, ..Configuration::default() };
    assert!(matches!(head(&configuration), Err(Error::Diverged { .. })));
}

#[test]
fn inputs_and_labels_that_do_not_fit_are_refused() {
    let configuration = Configuration::fine_tuning(FineTune::All);
    let wrong = train([&features(9, 1), &features(3, 1)], &configuration);
    assert!(matches!(wrong, Err(Error::InputValues { got: 1280, .. })));
    let mut odd = features(9, 1);
    odd.labels[4] = 3;
    let wrong = train([&odd, &features(3, 1)], &Configuration::default());
    assert!(matches!(wrong, Err(Error::Label { label: 3, classes: 3 })));
    let none = features(0, 1);
    let wrong = train([&none, &features(3, 1)], &Configuration::default());
    assert!(matches!(wrong, Err(Error::NoImages { split: "training" })));
}
