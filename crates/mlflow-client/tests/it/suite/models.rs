//! What runs keep: their files and data sets, and registered models with versions and aliases.

use std::collections::BTreeMap;

use mlflow_client::{Client, DatasetInput, Error, Metric, NewModel, NewModelVersion};

use super::start;
use crate::at;

pub(super) fn run(client: &Client) {
    registered_models(client);
    artifacts(client);
    datasets(client);
    models_from_folders(client);
}

fn artifacts(client: &Client) {
    let run = start(client, "artifacts", "keeper", 1);
    let artifacts = client.artifacts(&run.artifact_uri).unwrap();
    assert_eq!(artifacts.list("").unwrap(), []);
    let place = tempfile::tempdir().unwrap();
    let large = place.path().join("large.bin");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    fs_err::write(&large, &bytes).unwrap();
    artifacts.upload_file(&large, "deep/er/large ü%&+;.bin").unwrap();
    artifacts.upload_bytes(b"one", "classes.json").unwrap();
    artifacts.upload_bytes(b"two!", "classes.json").unwrap();
    artifacts.upload_bytes(b"", "empty.txt").unwrap();

    let root = artifacts.list("").unwrap();
    let shown: Vec<_> = root.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(shown, [("classes.json", Some(4)), ("deep", None), ("empty.txt", Some(0))]);
    let deep = artifacts.list("deep/er").unwrap();
    assert_eq!(deep[0].path, "deep/er/large ü%&+;.bin");

    let all = artifacts.list_all("").unwrap();
    let paths: Vec<_> = all.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["classes.json", "deep/er/large ü%&+;.bin", "empty.txt"]);

    let target = place.path().join("back");
    assert_eq!(artifacts.download_folder("", &target).unwrap(), 3);
    assert!(fs_err::read(target.join("deep/er/large ü%&+;.bin")).unwrap() == bytes);
    assert_eq!(fs_err::read(target.join("classes.json")).unwrap(), b"two!");
    let missing = artifacts.download_file("none.json", &place.path().join("none")).unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    assert!(!place.path().join("none").exists());
    assert!(artifacts.upload_bytes(b"x", "../x").is_err());
}

fn datasets(client: &Client) {
    let run = start(client, "datasets", "reader", 1);
    let pets = DatasetInput::new("pets", "0123456789abcdef")
        .source("local", r#"{"uri":"/data/pets"}"#)
        .profile(r#"{"num_rows":3680}"#)
        .context("training");
    let other = DatasetInput::new("dogs ü", "1");
    client.log_datasets(&run.id, std::slice::from_ref(&pets)).unwrap();
    client.log_datasets(&run.id, &[pets.clone(), other.clone()]).unwrap();
    let mut found = client.run(&run.id).unwrap().datasets;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found, [other, pets.clone()]);

    // Another run uses the same data set.
    let second = start(client, "datasets", "second reader", 2);
    client.log_datasets(&second.id, std::slice::from_ref(&pets)).unwrap();
    assert_eq!(client.run(&second.id).unwrap().datasets, [pets]);

    let long = DatasetInput::new("pets", "0".repeat(37));
    assert!(client.log_datasets(&run.id, &[long]).is_err());
    let nobody = client.log_datasets("0123456789abcdef0123456789abcdef", &[]);
    assert!(nobody.is_err_and(|error| error.is_not_found()));
}

fn models_from_folders(client: &Client) {
    let run = start(client, "models", "maker", 1);
    let place = tempfile::tempdir().unwrap();
    fs_err::create_dir(place.path().join("code")).unwrap();
    fs_err::write(place.path().join("MLmodel"), "flavors: {}\n").unwrap();
    fs_err::write(place.path().join("code/a.py"), "pass\n").unwrap();
    let new = NewModel::new("model", "from a folder")
        .params([("lr", "0.1")])
        .metric(Metric::new("val_acc", 0.75, at(5), 2))
        .tag("val_acc", "0.75")
        .description("the first");
    let version = client.register_folder(&run, place.path(), &new).unwrap();
    assert_eq!((version.version, version.description.as_str()), (1, "the first"));
    assert_eq!(version.run_id.as_deref(), Some(run.id.as_str()));
    assert_eq!(version.tags["val_acc"], "0.75");

    let uri = client.download_uri("from a folder", 1).unwrap();
    let target = place.path().join("back");
    let artifacts = client.artifacts(&uri).unwrap();
    assert_eq!(artifacts.download_folder("", &target).unwrap(), 2);
    assert_eq!(fs_err::read(target.join("code/a.py")).unwrap(), b"pass\n");
    assert_eq!(client.register_folder(&run, place.path(), &new).unwrap().version, 2);
}

fn registered_models(client: &Client) {
    let run = start(client, "registry", "maker", 1);
    let tags = BTreeMap::from([("task".to_owned(), "classification".to_owned())]);
    let model = client.register_model("my model's", "Tells things apart.", &tags).unwrap();
    assert_eq!((model.description.as_str(), &model.tags), ("Tells things apart.", &tags));
    let again = client.register_model("my model's", "other", &BTreeMap::new()).unwrap();
    assert_eq!(again.description, "Tells things apart.");
    client.set_registered_model_tag("my model's", "task", "sorting").unwrap();
    assert!(matches!(client.register_model("a/b", "", &tags), Err(Error::Invalid { .. })));

    let source = format!("{}/model", run.artifact_uri);
    let new = NewModelVersion::new("my model's", &source)
        .run_id(&run.id)
        .description("d")
        .tag("val_acc", "0.91");
    let first = client.create_model_version(&new).unwrap();
    assert_eq!((first.version, first.status.as_str()), (1, "READY"));
    assert_eq!((first.run_id.as_deref(), &first.source), (Some(run.id.as_str()), &source));
    assert_eq!((first.description.as_str(), first.tags["val_acc"].as_str()), ("d", "0.91"));
    client.create_model_version(&new).unwrap();
    client.set_model_version_tag("my model's", 1, "val_acc", "0.92").unwrap();
    assert_eq!(client.model_version("my model's", 1).unwrap().tags["val_acc"], "0.92");
    let versions = client.model_versions("my model's").map(|version| version.unwrap().version);
    assert_eq!(versions.collect::<Vec<_>>(), [2, 1]);
    assert_eq!(client.download_uri("my model's", 1).unwrap(), source);

    client.set_alias("my model's", "champion", 1).unwrap();
    client.set_alias("my model's", "champion", 2).unwrap();
    let champion = client.model_version_by_alias("my model's", "champion").unwrap();
    assert_eq!((champion.version, champion.aliases), (2, vec!["champion".to_owned()]));
    let model = client.registered_model("my model's").unwrap();
    assert_eq!((model.aliases["champion"], model.tags["task"].as_str()), (2, "sorting"));
    an_alias_moves_only_from_where_it_is(client);
    client.delete_alias("my model's", "champion").unwrap();
    client.delete_alias("my model's", "champion").unwrap();
    assert!(client.model_version_by_alias("my model's", "champion").unwrap_err().is_not_found());
    assert!(client.set_alias("my model's", "latest", 1).is_err());
    let names = client.registered_models().map(|model| model.unwrap().name);
    assert!(names.collect::<Vec<_>>().contains(&"my model's".to_owned()));
}

/// The champion is version 2 before and after.
fn an_alias_moves_only_from_where_it_is(client: &Client) {
    let champion = |from, to| client.move_alias("my model's", "champion", from, to);
    champion(Some(2), 1).unwrap();
    for elsewhere in [Some(2), None] {
        let error = champion(elsewhere, 2).unwrap_err();
        let moved = matches!(error, Error::AliasMoved { expected, got: Some(1), .. } if expected == elsewhere);
        assert!(moved, "{error}");
    }
    assert!(champion(Some(1), 77).unwrap_err().is_not_found());
    champion(Some(1), 2).unwrap();
    client.move_alias("my model's", "new", None, 1).unwrap();
    client.delete_alias("my model's", "new").unwrap();
}
