//! `pet-cli runs artifacts` and `pet-cli runs sync`

use std::path::PathBuf;

use clap::Args;
use mlflow_client::spool::{PendingRun, Sent};
use mlflow_client::{ArtifactFile, Artifacts, Client};
use pet_pipeline::Context;
use serde_json::{Value, json};

use super::common::{Common, find};
use crate::arguments::{CacheArgument, TrackingArguments};
use crate::failure::Failure;
use crate::{output, tracking};

/// List the files of a run, or download them
#[derive(Args)]
pub(super) struct ArtifactsArguments {
    /// The run's ID, or its first characters
    run: String,
    /// Download all files into this folder
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
}

/// Send runs that could not be sent because the tracking server was unreachable
///
/// Each run is sent to the server it was meant for, unless `--tracking-uri` names another. Data that has arrived is not
/// sent again; data that cannot be sent stays in the spool.
#[derive(Args)]
pub(super) struct SyncArguments {
    #[command(flatten)]
    cache: CacheArgument,
}

pub(super) fn artifacts(arguments: &ArtifactsArguments, common: &Common) -> Result<(), Failure> {
    let (client, runs) = find(std::slice::from_ref(&arguments.run), common)?;
    for run in runs {
        let artifacts = client.artifacts(&run.artifact_uri)?;
        let mut files = Vec::new();
        collect(&artifacts, "", &mut files)?;
        if let Some(folder) = &arguments.download {
            artifacts.download_folder("", folder)?;
        }
        print_files(&files, common.json.json)?;
    }
    Ok(())
}

/// Collects all files below a folder.
fn collect(
    artifacts: &Artifacts,
    folder: &str,
    files: &mut Vec<ArtifactFile>,
) -> Result<(), Failure> {
    for entry in artifacts.list(folder)? {
        if entry.is_folder {
            collect(artifacts, &entry.path, files)?;
        } else {
            files.push(entry);
        }
    }
    Ok(())
}

fn print_files(files: &[ArtifactFile], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |file: &ArtifactFile| json!({ "path": file.path, "bytes": file.size });
        return output::json(&files.iter().map(entry).collect::<Vec<Value>>());
    }
    files.iter().try_for_each(|file| {
        let size = file.size.map_or("-".into(), |size| size.to_string());
        output::line(format_args!("{size:>12} {}", file.path))
    })
}

pub(super) fn sync(arguments: &SyncArguments, common: &Common) -> Result<(), Failure> {
    let pending = Context::spool(&arguments.cache.folder()).pending()?;
    let all = pending.len();
    let mut sent = Vec::new();
    for run in pending {
        let name = run.name().to_owned();
        match send(run, common) {
            Ok(one) => sent.push((name, one)),
            Err(failure) => output::describe(&failure),
        }
    }
    print_sent(&sent, common.json.json)?;
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
    let config = tracking::config(&tracking)?;
    let client = Client::open(&config)?;
    client.check()?;
    Ok(run.send(&client)?)
}

fn print_sent(sent: &[(String, Sent)], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |(name, sent): &(String, Sent)| {
            let versions: Vec<u32> = sent.versions.iter().map(|version| version.version).collect();
            json!({ "name": name, "run_id": sent.run_id, "entries": sent.entries, "versions": versions })
        };
        return output::json(&sent.iter().map(entry).collect::<Vec<Value>>());
    }
    if sent.is_empty() {
        return output::line("nothing is waiting to be sent");
    }
    sent.iter().try_for_each(|(name, sent)| {
        output::line(format_args!("{} {name}: {} entries sent", sent.run_id, sent.entries))?;
        sent.versions.iter().try_for_each(|version| {
            output::line(format_args!("  version {} of `{}`", version.version, version.name))
        })
    })
}
