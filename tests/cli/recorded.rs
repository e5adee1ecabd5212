//! What training has recorded.

use mlflow_client::{Client, Run, RunQuery};

/// The runs of the experiment that training uses unless it is told another, the latest first.
pub(crate) fn runs(client: &Client) -> Vec<Run> {
    let Some(experiment) = client.find_experiment("OxfordPetExperiment").unwrap() else {
        return Vec::new();
    };
    client
        .search_runs(&RunQuery::new(&experiment.id))
        .map(Result::unwrap)
        .collect()
}
