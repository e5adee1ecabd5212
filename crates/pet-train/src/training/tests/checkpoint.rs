use std::path::Path;

use super::support::{Squares, Watch};
use crate::architecture::architectures;
use crate::{Checkpoint, Configuration, Error, FineTune, Schedule, Trained, Weights};

fn configuration() -> Configuration {
    Configuration {
        epochs: 3,
        batch_size: 4,
        mixup: 0.2,
        ..Configuration::fine_tuning(FineTune::All)
    }
}

fn in_folder(folder: &Path) -> Checkpoint {
    Checkpoint { path: folder.join("state.safetensors"), data: "squares".into() }
}

fn run(checkpoint: Option<&Checkpoint>, watch: &mut Watch) -> Result<Trained, Error> {
    let examples = (Squares::new(10), Squares::new(3));
    watch.train([&examples.0, &examples.1], &configuration(), checkpoint)
}

/// An epoch is three steps and a validation; a resumed training first reports what was done before. Interrupted in the
/// middle of the first epoch, before the second is validated, and after that.
#[test]
fn interrupted_training_ends_with_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = in_folder(folder.path());
    let mut unwatched = Watch::default();
    let whole = run(None, &mut unwatched).unwrap();
    assert_eq!(unwatched.images, 3 * (10 + 3));
    for (reports, images) in [(2, 4 + 4), (6, 13 + 10), (2, 13 + 13)] {
        let mut watch = Watch::stopping_after(reports);
        let stopped = run(Some(&checkpoint), &mut watch);
        assert!(matches!(stopped, Err(Error::Interrupted)));
        assert_eq!(watch.images, images);
        assert!(checkpoint.path.exists());
    }
    let mut last = Watch::default();
    let resumed = run(Some(&checkpoint), &mut last).unwrap();
    assert_eq!(last.images, unwatched.images);
    assert_eq!(resumed.weights.digest().unwrap(), whole.weights.digest().unwrap());
    assert_eq!(resumed.history, whole.history);
    assert_eq!(resumed.best, whole.best);
    checkpoint.remove().unwrap();
    assert!(!checkpoint.path.exists());
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = in_folder(folder.path());
    run(Some(&checkpoint), &mut Watch::stopping_after(1)).unwrap_err();
    let other = Checkpoint { data: "circles".into(), ..checkpoint.clone() };
    let error = run(Some(&other), &mut Watch::default()).unwrap_err();
    assert!(error.to_string().contains("has data squares, expected circles"), "{error}");
    let examples = (Squares::new(10), Squares::new(3));
    let configuration = Configuration { seed: 1, ..configuration() };
    let refused =
        Watch::default().train([&examples.0, &examples.1], &configuration, Some(&checkpoint));
    assert!(matches!(refused, Err(Error::OtherCheckpoint { what: "configuration", .. })));
}

/// As many more epochs as wanted, unless the learning rates would have been different from the start.
#[test]
fn more_epochs_may_follow_with_a_constant_schedule() {
    let examples = (Squares::new(10), Squares::new(3));
    let train = |mut watch: Watch, schedule, epochs, checkpoint: Option<&Checkpoint>| {
        let configuration = Configuration { schedule, epochs, ..configuration() };
        watch.train([&examples.0, &examples.1], &configuration, checkpoint)
    };
    for schedule in [Schedule::Constant, Schedule::Cosine] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = in_folder(folder.path());
        train(Watch::stopping_after(6), schedule, 2, Some(&checkpoint)).unwrap_err();
        let resumed = train(Watch::default(), schedule, 3, Some(&checkpoint));
        if schedule == Schedule::Cosine {
            assert!(matches!(resumed, Err(Error::OtherCheckpoint { .. })));
            continue;
        }
        let whole = train(Watch::default(), schedule, 3, None).unwrap();
        let digests = [resumed.unwrap(), whole].map(|trained| trained.weights.digest().unwrap());
        assert_eq!(digests[0], digests[1]);
        // Fewer epochs than before would need weights that are no longer there.
        let fewer = train(Watch::default(), schedule, 2, Some(&checkpoint));
        assert!(matches!(fewer, Err(Error::OtherCheckpoint { .. })));
    }
}

#[test]
fn every_kind_of_damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = in_folder(folder.path());
    run(Some(&checkpoint), &mut Watch::stopping_after(1)).unwrap_err();
    let whole = fs_err::read(&checkpoint.path).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        (0..7).map(|part| whole[..whole.len() * part / 7].to_vec()).collect();
    let mut flipped = whole;
    *flipped.last_mut().unwrap() ^= 1;
    damaged.push(flipped);
    for bytes in damaged {
        fs_err::write(&checkpoint.path, &bytes).unwrap();
        let error = run(Some(&checkpoint), &mut Watch::default()).unwrap_err();
        assert!(matches!(error, Error::CorruptCheckpoint { .. }), "{error}");
        assert!(error.hint().unwrap().contains("delete"));
    }
}

#[test]
fn every_network_can_be_resumed() {
    for network in architectures() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = in_folder(folder.path());
        let on = |mut watch: Watch, checkpoint| {
            watch.weights = Some(Weights::random_of(network, 7).unwrap());
            run(checkpoint, &mut watch)
        };
        let whole = on(Watch::default(), None).unwrap();
        let stopped = on(Watch::stopping_after(2), Some(&checkpoint));
        assert!(matches!(stopped, Err(Error::Interrupted)));
        let resumed = on(Watch::default(), Some(&checkpoint)).unwrap();
        let digests = [resumed, whole].map(|trained| trained.weights.digest().unwrap());
        assert_eq!(digests[0], digests[1], "{}", network.name);
    }
}
