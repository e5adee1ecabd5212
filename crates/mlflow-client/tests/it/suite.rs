//! What every store must do, in the same words.

mod models;

use crate::at;
use mlflow_client::{
    Batch, Client, Error, Lifecycle, Metric, NewModelVersion, NewRun, Run, RunQuery, RunStatus,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Runs everything against a store that nobody else uses.
pub(crate) fn run(client: &Client) {
    experiments(client);
    runs(client);
    odd_values_survive(client);
    numbers_survive(client);
    repeated_logging_changes_nothing(client);
    large_batches(client);
    searches(client);
    models::run(client);
    what_is_not_there(client);
}

fn start(client: &Client, experiment: &str, name: &str, time: i64) -> Run {
    let experiment = client.experiment(experiment).unwrap();
    client.create_run(&experiment.id, &NewRun::new(name, at(time))).unwrap()
}

fn experiments(client: &Client) {
    assert!(client.find_experiment("first 'ü'").unwrap().is_none());
    let made = client.experiment("first 'ü'").unwrap();
    assert_eq!(made.lifecycle, Lifecycle::Active);
    assert_eq!(client.experiment("first 'ü'").unwrap(), made);
    let all = client.experiments().unwrap();
    assert!(all.iter().any(|experiment| experiment.name == "Default"));
    assert!(all.contains(&made));
    assert!(matches!(client.experiment(""), Err(Error::Invalid { .. })));
}

fn runs(client: &Client) {
    let experiment = client.experiment("runs").unwrap();
    let new = NewRun::new("the first", at(1_700_000_000_000))
        .user("me")
        .source("train --fast")
        .tag("device", "cpu");
    let run = client.create_run(&experiment.id, &new).unwrap();
    assert_eq!(run.experiment_id, experiment.id);
    assert_eq!((run.name.as_str(), run.user.as_str()), ("the first", "me"));
    assert_eq!(run.status, RunStatus::Running);
    assert_eq!((run.start_time, run.end_time), (Some(at(1_700_000_000_000)), None));
    assert_eq!(run.tags["mlflow.source.name"], "train --fast");
    assert_eq!(run.tags["device"], "cpu");
    assert!(run.artifact_uri.ends_with(&format!("{}/artifacts", run.id)), "{}", run.artifact_uri);

    let batch = Batch::new()
        .metric("val_acc", 0.5, at(1_700_000_001_000), 0)
        .metric("val_acc", 0.75, at(1_700_000_002_000), 1)
        .metric("val_acc", 0.7, at(1_700_000_003_000), 2)
        .param("lr", 0.001)
        .tag("mlflow.runName", "renamed");
    client.log_batch(&run.id, &batch).unwrap();
    assert!(client.update_run(&run.id, RunStatus::Finished, None).is_err());
    client.update_run(&run.id, RunStatus::Finished, Some(at(1_700_000_009_000))).unwrap();

    let run = client.run(&run.id).unwrap();
    assert_eq!((run.status, run.end_time), (RunStatus::Finished, Some(at(1_700_000_009_000))));
    assert_eq!(run.name, "renamed");
    assert_eq!(run.params["lr"], "0.001");
    assert_eq!(run.metrics["val_acc"], Metric::new("val_acc", 0.7, at(1_700_000_003_000), 2));
    assert_eq!(client.metric_history(&run.id, "val_acc").unwrap(), batch.metrics);
    assert_eq!(client.metric_history(&run.id, "never logged").unwrap(), []);

    assert_eq!(client.find_run(&run.id).unwrap().id, run.id);
    assert_eq!(client.find_run(&run.id[..20]).unwrap().id, run.id);
    assert!(client.find_run("no ID").unwrap_err().is_not_found());
    start(client, "other runs", "the second", 1);
    let several = client.find_run("").unwrap_err();
    assert!(matches!(several, Error::AmbiguousRun { .. }), "{several}");
}

/// Any accepted key with any value comes back as it was.
fn odd_values_survive(client: &Client) {
    let run = start(client, "odd", "odd", 1);
    let key = "[a-zA-Z0-9_äß][a-zA-Z0-9_. :ä-]{0,20}(/[a-zß]{1,5})?";
    let pairs = proptest::collection::btree_map(key, "\\PC{1,60}", 1..8);
    let number = std::cell::Cell::new(0);
    let config = Config { failure_persistence: None, ..Config::with_cases(12) };
    TestRunner::new(config)
        .run(&(pairs.clone(), pairs), |(params, tags)| {
            number.set(number.get() + 1);
            // A parameter can be written only once.
            let fresh = |(key, value)| (format!("{}-{key}", number.get()), value);
            let batch = Batch::new()
                .params(params.into_iter().map(fresh))
                .tags(tags.into_iter().map(fresh));
            client.log_batch(&run.id, &batch).unwrap();
            let run = client.run(&run.id).unwrap();
            for (key, value) in &batch.params {
                prop_assert_eq!(run.params.get(key), Some(value));
            }
            for (key, value) in &batch.tags {
                prop_assert_eq!(run.tags.get(key), Some(value));
            }
            Ok(())
        })
        .unwrap();
}

/// Metric values come back bit for bit.
fn numbers_survive(client: &Client) {
    let run = start(client, "numbers", "numbers", 1);
    let special =
        [0.0, f64::MIN_POSITIVE, f64::MAX, 0.1 + 0.2, 1.0 / 3.0, -1e-300, 123_456_789.123_456_79];
    let any: Vec<f64> = special
        .into_iter()
        .chain((0..100).map(|i| f64::from(i).sin() * 10_f64.powi(i - 50)))
        .collect();
    let metrics = any.iter().enumerate();
    let batch: Batch =
        metrics.map(|(i, value)| Metric::new("x", *value, at(5), i as i64)).collect();
    client.log_batch(&run.id, &batch).unwrap();
    let bits = |metrics: &[Metric]| metrics.iter().map(|m| m.value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&client.metric_history(&run.id, "x").unwrap()), bits(&batch.metrics));

    let extremes = Batch::new()
        .metric("nan", f64::NAN, at(1), 0)
        .metric("up", f64::INFINITY, at(1), 0)
        .metric("down", f64::NEG_INFINITY, at(1), -7);
    client.log_batch(&run.id, &extremes).unwrap();
    let run = client.run(&run.id).unwrap();
    assert!(run.metrics["nan"].value.is_nan());
    assert_eq!(run.metrics["up"].value.to_bits(), f64::MAX.to_bits());
    assert_eq!(run.metrics["down"], Metric::new("down", f64::MIN, at(1), -7));
    assert!(client.metric_history(&run.id, "nan").unwrap()[0].value.is_nan());
}

fn repeated_logging_changes_nothing(client: &Client) {
    let run = start(client, "repeated", "repeated", 1);
    let batch = Batch::new()
        .metric("loss", 0.5, at(10), 1)
        .metric("loss", 0.5, at(10), 1)
        .param("lr", "1")
        .tag("t", "1");
    client.log_batch(&run.id, &batch).unwrap();
    client.log_batch(&run.id, &batch).unwrap();
    assert_eq!(client.metric_history(&run.id, "loss").unwrap().len(), 1);

    // A late point of an earlier step is history, but not the latest.
    client.log_batch(&run.id, &Batch::new().metric("loss", 9.0, at(99), 0)).unwrap();
    assert_eq!(client.run(&run.id).unwrap().metrics["loss"].step, 1);

    let changed = Batch::new().param("lr", "2").tag("t", "2");
    let error = client.log_batch(&run.id, &changed).unwrap_err();
    assert!(
        matches!(&error, Error::ParamChanged { key, logged, .. } if key == "lr" && logged == "1"),
        "{error}"
    );
    client.log_batch(&run.id, &Batch::new().tag("t", "2")).unwrap();
    let run = client.run(&run.id).unwrap();
    assert_eq!((run.params["lr"].as_str(), run.tags["t"].as_str()), ("1", "2"));
}

fn large_batches(client: &Client) {
    let run = start(client, "large", "large", 1);
    let pairs =
        |what: &'static str| (0..130).map(move |i| (format!("{what}{i}"), "x".repeat(1000)));
    let metrics = (0..2500).map(|i| Metric::new("loss", f64::from(i), at(7), i64::from(i)));
    let batch = metrics.collect::<Batch>().params(pairs("p")).tags(pairs("t"));
    client.log_batch(&run.id, &batch).unwrap();
    assert_eq!(client.metric_history(&run.id, "loss").unwrap(), batch.metrics);
    let run = client.run(&run.id).unwrap();
    assert_eq!(run.params, batch.params);
    assert_eq!(run.tags.iter().filter(|(key, _)| key.starts_with('t')).count(), 130);
}

fn searches(client: &Client) {
    for (index, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let run = start(client, "searches", name, 1000 + index as i64);
        let mut batch =
            Batch::new().param("lr", format!("0.{index}")).tag("arch", format!("Net{index}"));
        if name != "e" {
            batch = batch.metric("val_acc", index as f64 / 10.0, at(5), 0);
        }
        client.log_batch(&run.id, &batch).unwrap();
        let status = if index % 2 == 0 { RunStatus::Finished } else { RunStatus::Failed };
        client.update_run(&run.id, status, Some(at(2000))).unwrap();
    }
    let experiment = client.experiment("searches").unwrap();
    let find = |filter: &str, order: &[&str], page_size: u32| -> String {
        let query = RunQuery::new(&experiment.id).filter(filter).page_size(page_size);
        let query = order.iter().copied().fold(query, RunQuery::order_by);
        let runs = client.search_runs(&query);
        runs.map(|run| run.unwrap().name).collect()
    };
    assert_eq!(find("", &[], 500), "edcba", "the latest first");
    assert_eq!(find("", &["attributes.start_time ASC"], 2), "abcde", "in pages");
    assert_eq!(find("metrics.val_acc > 0.05", &["metrics.val_acc DESC"], 1), "dcb");
    assert_eq!(find("", &["metrics.val_acc ASC"], 500), "abcde", "what has no metric comes last");
    assert_eq!(find("", &["metrics.val_acc DESC"], 500), "dcbae");
    assert_eq!(find("params.lr = '0.1' and tags.arch = 'Net1'", &[], 500), "b");
    assert_eq!(find("params.lr != '0.1'", &[], 500), "edca");
    assert_eq!(find("tags.arch LIKE 'Net%' AND tags.arch != 'Net0'", &[], 500), "edcb");
    assert_eq!(find("tags.arch LIKE 'net%'", &[], 500), "");
    assert_eq!(find("tags.arch ILIKE 'net%'", &[], 500), "edcba");
    assert_eq!(find("attributes.status = 'FAILED'", &[], 500), "db");
    assert_eq!(find("status = 'FINISHED' and start_time <= 1002", &[], 500), "ca");
    assert_eq!(find("run_name = 'c'", &[], 500), "c");
    let wrong = RunQuery::new(&experiment.id).filter("bogus.a = '1'");
    assert!(client.search_runs(&wrong).next().unwrap().is_err());
    let nowhere = RunQuery::new("987654");
    assert!(client.search_runs(&nowhere).next().is_none());
}

fn what_is_not_there(client: &Client) {
    let nobody = "0123456789abcdef0123456789abcdef";
    let run = start(client, "nowhere", "maker", 1);
    let orphan = NewModelVersion::new("nothing", &run.artifact_uri).run_id(&run.id);
    let not_found = |error: Error| assert!(error.is_not_found(), "{error}");
    not_found(client.run(nobody).unwrap_err());
    not_found(client.log_batch(nobody, &Batch::new().tag("a", "b")).unwrap_err());
    not_found(client.update_run(nobody, RunStatus::Running, None).unwrap_err());
    not_found(client.create_run("987654", &NewRun::new("a", at(1))).unwrap_err());
    not_found(client.registered_model("nothing").unwrap_err());
    not_found(client.model_version("nothing", 1).unwrap_err());
    not_found(client.model_version("my model's", 77).unwrap_err());
    not_found(client.set_alias("my model's", "best", 77).unwrap_err());
    not_found(client.set_model_version_tag("my model's", 77, "a", "b").unwrap_err());
    not_found(client.create_model_version(&orphan).unwrap_err());
    assert_eq!(client.model_versions("nothing").count(), 0);
}
