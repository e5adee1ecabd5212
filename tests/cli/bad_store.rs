//! Tracking stores and registries that cannot be used.

use pet_tests::Store;

use crate::place::Place;

#[test]
fn a_database_that_is_none_is_named() {
    let place = Place::new();
    place.write(
        "mlflow.db",
        "This is a text, and not a short one. ".repeat(100),
    );
    for command in ["runs list", "select"] {
        place
            .refused(command)
            .naming(&["mlflow.db"])
            .hinting("move the file away");
    }
}

#[test]
fn a_tracking_uri_that_names_no_store_is_named() {
    let place = Place::new();
    place
        .refused("runs list --tracking-uri ftp://host")
        .naming(&["ftp://host"])
        .hinting("MLFLOW_TRACKING_URI");
    place
        .refused("runs list --tracking-uri sqlite:////proc/nowhere/mlflow.db")
        .naming(&["/proc/nowhere"]);
}

#[test]
fn runs_models_and_versions_that_are_not_there_are_named() {
    let place = Place::new();
    Store::new(place.folder()).register(1, 0.5);
    place
        .refused("runs show 0123456789abcdef")
        .naming(&["0123456789abcdef"]);
    place
        .refused("runs list --experiment stand-ins --filter bark")
        .naming(&["bark"]);
    place
        .refused("select --model-name dogs")
        .naming(&["`dogs`"])
        .hinting("pet-cli train");
    assert_eq!(place.run("runs list --json").ok().trim(), "[]");
}

#[test]
fn exports_name_what_is_not_there() {
    let Some(place) = Place::with_runtime("exports_name_what_is_not_there") else {
        return;
    };
    let store = Store::new(place.folder());
    place
        .refused("export --model-name dogs")
        .naming(&["`dogs`"])
        .hinting("pet-cli train");
    store.register(1, 0.5);
    place
        .refused("export --model-name stand_in --version 9")
        .naming(&["9"]);
    let foreign = store.register_foreign(0.9);
    place
        .refused("export --model-name stand_in")
        .naming(&[
            &format!("version {foreign}"),
            "`stand_in`",
            "weights.safetensors",
        ])
        .hinting("pet-cli train");
}

#[test]
fn a_selection_of_another_model_is_not_exported() {
    let Some(place) = Place::with_runtime("a_selection_of_another_model_is_not_exported") else {
        return;
    };
    Store::new(place.folder()).register(1, 0.5);
    place.run("select --model-name stand_in").ok();
    place
        .refused("export --model-name dogs")
        .naming(&["`dogs`"]);
}
