//! Data sets of runs, and models from folders.

use super::start;
use crate::at;
use mlflow_client::{Client, DatasetInput, Metric, NewModel};

pub(super) fn run(client: &Client) {
    datasets(client);
    models(client);
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

fn models(client: &Client) {
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
