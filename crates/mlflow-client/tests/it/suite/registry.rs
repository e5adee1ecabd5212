//! Registered models, versions and aliases.

use super::start;
use mlflow_client::{Client, Error, NewModelVersion};
use std::collections::BTreeMap;

pub(super) fn run(client: &Client) {
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
