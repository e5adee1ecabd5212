//! `pet-cli runs sync`

use clap::Args;
use mlflow_client::spool::{PendingRun, Sent};
use mlflow_client::{Client, Config};
use pet_pipeline::Context;
use serde_json::{Value, json};

use super::Common;
use crate::arguments::{CacheArgument, TrackingArguments};
use crate::failure::Failure;
use crate::{output, tracking};

/// Send what training could not, because the tracking server was away
///
/// Each run goes to the server that it was meant for, unless `--tracking-uri` names another. What has arrived is not
/// sent again; what fails stays in the spool.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    cache: CacheArgument,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let pending = Context::spool(&arguments.cache.cache_dir).pending()?;
    let all = pending.len();
    let mut sent = Vec::new();
    for run in pending {
        let name = run.name().to_owned();
        match send(run, common) {
            Ok(one) => sent.push((name, one)),
            Err(failure) => output::describe(&failure),
        }
    }
    print(&sent, common.json.json)?;
    if sent.len() < all {
        let failed = all - sent.len();
        return Err(Failure::Unsent { failed, all });
    }
    Ok(())
}

fn send(run: PendingRun, common: &Common) -> Result<Sent, Failure> {
    let tracking = TrackingArguments {
        tracking_uri: common
            .tracking
            .tracking_uri
            .clone()
            .or_else(|| Some(run.tracking_uri().to_owned())),
    };
    let config: Config = tracking::config(&tracking)?;
    let client = Client::open(&config)?;
    client.check()?;
    Ok(run.send(&client)?)
}

fn print(sent: &[(String, Sent)], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |(name, sent): &(String, Sent)| {
            let versions: Vec<u32> = sent
                .versions
                .iter()
                .map(|version| version.version)
                .collect();
            json!({ "name": name, "run_id": sent.run_id, "entries": sent.entries, "versions": versions })
        };
        return output::json(&sent.iter().map(entry).collect::<Vec<Value>>());
    }
    if sent.is_empty() {
        return output::line("nothing waits to be sent");
    }
    sent.iter().try_for_each(|(name, sent)| {
        output::line(format_args!(
            "{} {name}: {} entries sent",
            sent.run_id, sent.entries
        ))?;
        sent.versions.iter().try_for_each(|version| {
            output::line(format_args!(
                "  version {} of `{}`",
                version.version, version.name
            ))
        })
    })
}
