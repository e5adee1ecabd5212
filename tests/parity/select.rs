//! The choice among registered versions.

use pet_export::{CHAMPION, Error, choose, promote, select};
use pet_model::Selection;
use pet_tests::{Store, VERSIONS};

#[test]
fn the_best_becomes_champion_and_the_board_is_in_order() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let selection = select(&store.client, "stand_in").unwrap();
    let order: Vec<&str> = selection
        .candidates
        .iter()
        .map(|one| one.version.as_str())
        .collect();
    assert_eq!(order, ["2", "1", "3"]);
    assert_eq!(
        (selection.version.as_str(), selection.val_acc),
        ("2", VERSIONS[1])
    );
    let file = place.path().join("results/selection.json");
    let champion = |selection: &Selection| {
        promote(&store.client, selection, &file).unwrap();
        store
            .client
            .model_version_by_alias("stand_in", CHAMPION)
            .unwrap()
            .version
    };
    assert_eq!(champion(&selection), 2);

    let other = choose(&store.client, "stand_in", 3).unwrap();
    assert_eq!(other.version, "3");
    assert_eq!(champion(&other), 3);
    assert_eq!(champion(&select(&store.client, "stand_in").unwrap()), 2);
}

#[test]
fn what_is_not_there_is_named_and_the_champion_stays() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    store.register(1, 0.5);
    let selection = select(&store.client, "stand_in").unwrap();
    promote(
        &store.client,
        &selection,
        &place.path().join("selection.json"),
    )
    .unwrap();

    let error = choose(&store.client, "stand_in", 9).unwrap_err();
    assert!(matches!(error, Error::Tracking { .. }), "{error}");
    let error = select(&store.client, "no_such_model").unwrap_err();
    assert!(error.to_string().contains("`no_such_model`"), "{error}");
    assert_eq!(
        store
            .client
            .model_version_by_alias("stand_in", CHAMPION)
            .unwrap()
            .version,
        1
    );
}
