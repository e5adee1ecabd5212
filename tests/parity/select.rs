//! Selection among registered versions.

use pet_export::{CHALLENGER, CHAMPION, Error, challenge, choose, current, select};
use pet_tests::{Store, VERSIONS};

#[test]
fn best_version_becomes_challenger_and_the_leaderboard_is_sorted() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let selection = select(&store.client, "stand_in").unwrap();
    let order: Vec<&str> = selection.candidates.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(order, ["2", "1", "3"]);
    assert_eq!((selection.version.as_str(), selection.val_acc), ("2", VERSIONS[1]));
    challenge(&store.client, &selection).unwrap();
    let alias = |name| store.client.model_version_by_alias("stand_in", name);
    assert_eq!(alias(CHALLENGER).unwrap().version, 2);
    assert!(alias(CHAMPION).is_err(), "nobody has promoted it");

    let other = choose(&store.client, "stand_in", 3).unwrap();
    assert_eq!((other.version.as_str(), other.alias.as_str()), ("3", ""));
    store.client.set_alias("stand_in", CHAMPION, 3).unwrap();
    assert_eq!(current(&store.client, "stand_in").unwrap().version, "3");
    challenge(&store.client, &select(&store.client, "stand_in").unwrap()).unwrap();
    assert_eq!(alias(CHAMPION).unwrap().version, 3, "the user's choice stands");
}

#[test]
fn missing_version_is_named_and_the_champion_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    store.register(1, 0.5);
    store.client.set_alias("stand_in", CHAMPION, 1).unwrap();

    let error = choose(&store.client, "stand_in", 9).unwrap_err();
    assert!(matches!(error, Error::Tracking { .. }), "{error}");
    let error = select(&store.client, "no_such_model").unwrap_err();
    assert!(error.to_string().contains("`no_such_model`"), "{error}");
    assert_eq!(store.client.model_version_by_alias("stand_in", CHAMPION).unwrap().version, 1);
}
