//! Searching for runs.

use super::start;
use crate::at;
use mlflow_client::{Batch, Client, RunQuery, RunStatus};

pub(super) fn run(client: &Client) {
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
