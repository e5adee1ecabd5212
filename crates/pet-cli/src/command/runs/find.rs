//! Runs by the beginning of their ids.

use mlflow_client::{Client, Error, Run, RunQuery};

use super::Common;
use crate::failure::Failure;
use crate::tracking;

/// Length of a whole id.
const ID_LENGTH: usize = 32;

/// The store with the runs of these ids, or beginnings of ids.
pub(super) fn runs(ids: &[String], common: &Common) -> Result<(Client, Vec<Run>), Failure> {
    let client = tracking::existing(&common.tracking)?;
    let first = ids.first().map_or("", String::as_str);
    let client = client.ok_or_else(|| missing(first))?;
    let runs = ids.iter().map(|id| one(&client, id));
    let runs = runs.collect::<Result<_, _>>()?;
    Ok((client, runs))
}

fn one(client: &Client, id: &str) -> Result<Run, Failure> {
    if id.len() >= ID_LENGTH {
        return Ok(client.run(id)?);
    }
    let mut found = Vec::new();
    for experiment in client.experiments()? {
        for run in client.search_runs(&RunQuery::new(experiment.id)) {
            let run = run?;
            found.extend(Some(run).filter(|run| run.id.starts_with(id)));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(_), false) => Err(Failure::SeveralRuns {
            id: id.into(),
            found: found.len() + 1,
        }),
        (None, _) => Err(missing(id)),
    }
}

fn missing(id: &str) -> Failure {
    let name = id.to_owned();
    Error::NotFound { what: "run", name }.into()
}
