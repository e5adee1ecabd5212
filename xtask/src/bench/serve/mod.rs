//! `cargo xtask bench serve`

mod contender;
mod http;
mod load;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, value_parser};

use super::results;
use crate::error::Error;
use crate::pet_cli;
use crate::workspace::{self, Profile};
use contender::Contender;
use load::Load;
use table::Measured;

/// The service under load, beside one in Python
///
/// Sends photographs with wrk, first over 8 connections, then over one, to each in turn. The one in Python is `FastAPI`
/// with the same model; where it cannot be run, that is said. Writes a table to target/bench/serve.md.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often each is measured
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load in each round, for each number of connections
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = value_parser!(u64).range(1..))]
    seconds: u64,
    /// Folder of photographs [default: originals in `PET_SHARED_DATA`]
    #[arg(long, value_name = "DIR")]
    photographs: Option<PathBuf>,
    /// The service in Python
    #[arg(
        long,
        value_name = "FILE",
        default_value = "../shared/bench/peers/app_fastapi.py"
    )]
    peer: PathBuf,
    /// Folder of the model [default: results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// How often the start is measured.
const STARTS: usize = 5;

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let photographs = photographs(arguments.photographs.as_deref())?;
    let load = Load::new(&photographs, Duration::from_secs(arguments.seconds))?;
    let results = results(arguments.results.as_deref())?;
    pet_cli::set_up(Profile::Release)?;
    let photograph = fs_err::read(first(&photographs)?)?;

    let ours = Contender::ours(&results)?;
    let starts = (0..STARTS).map(|_| ours.start(&photograph).map(|running| running.took));
    let starts = starts.collect::<Result<Vec<_>, _>>()?;
    let mut contenders = vec![ours];
    let root = workspace::root();
    match Contender::peer(&root.join(&arguments.peer), &results)? {
        Ok(peer) => contenders.push(peer),
        Err(reason) => println!("absent: FastAPI: {reason}"),
    }
    let running = contenders
        .iter()
        .map(|contender| contender.start(&photograph));
    let running = running.collect::<Result<Vec<_>, _>>()?;
    let mut measured: Vec<_> = running
        .iter()
        .map(|running| Measured::new(running.name))
        .collect();
    for round in 1..=arguments.rounds {
        for (running, measured) in running.iter().zip(&mut measured) {
            println!("round {round}: {}", running.name);
            measured.add(&load, running)?;
        }
    }
    let text = table::table(&measured, &starts);
    let file = root.join("target/bench/serve.md");
    fs_err::write(&file, &text)?;
    println!("\n{text}\nwritten to {}", workspace::shown(&file));
    Ok(())
}

fn photographs(named: Option<&Path>) -> Result<PathBuf, Error> {
    let shared = workspace::set("PET_SHARED_DATA").unwrap_or_else(|| "../shared/data".into());
    let default = workspace::root().join(shared).join("originals");
    Ok(std::path::absolute(named.unwrap_or(&default))?)
}

/// The first file of a folder, by name.
fn first(folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs_err::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let first = entries.iter().map(fs_err::DirEntry::path).min();
    first.ok_or_else(|| Error::Usage {
        message: format!("there is no photograph in `{}`", folder.display()),
    })
}
