//! `pet-cli runs artifacts`

use std::path::PathBuf;

use clap::Args;
use mlflow_client::{ArtifactFile, Artifacts};
use serde_json::{Value, json};

use super::{Common, find};
use crate::failure::Failure;
use crate::output;

/// List the files of a run, or fetch them
#[derive(Args)]
pub(super) struct Arguments {
    /// The run's id, or the beginning of it
    run: String,
    /// Fetch all files into this folder
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let (client, runs) = find::runs(std::slice::from_ref(&arguments.run), common)?;
    for run in runs {
        let artifacts = client.artifacts(&run.artifact_uri)?;
        let mut files = Vec::new();
        collect(&artifacts, "", &mut files)?;
        if let Some(folder) = &arguments.download {
            artifacts.download_folder("", folder)?;
        }
        print(&files, common.json.json)?;
    }
    Ok(())
}

/// All files below a folder.
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

fn print(files: &[ArtifactFile], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |file: &ArtifactFile| json!({ "path": file.path, "bytes": file.size });
        return output::json(&files.iter().map(entry).collect::<Vec<Value>>());
    }
    files.iter().try_for_each(|file| {
        let size = file.size.map_or("-".into(), |size| size.to_string());
        output::line(format_args!("{size:>12} {}", file.path))
    })
}
