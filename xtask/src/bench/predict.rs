//! `cargo xtask bench predict`

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, value_parser};

use super::results;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::Profile;

/// One prediction, from the start of the process to its end
///
/// Measured by hyperfine where it is installed, else by running the program again and again.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The photograph
    image: PathBuf,
    /// Measured runs
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    runs: u32,
    /// Folder of the model [default: results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let image = std::path::absolute(&arguments.image)?;
    pet_cli::set_up(Profile::Release)?;
    let predict = predict(&image, &results(arguments.results.as_deref())?);
    if Invocation::new("hyperfine")
        .argument("--version")
        .succeeds()
    {
        return hyperfine(&predict, arguments.runs).run();
    }
    predict.time()?;
    let times: Result<Vec<_>, _> = (0..arguments.runs).map(|_| predict.time()).collect();
    println!("{predict}\n{}", summary(times?));
    Ok(())
}

fn predict(image: &Path, results: &Path) -> Invocation {
    pet_cli::invocation(Profile::Release, "predict")
        .argument(image)
        .argument("--results")
        .argument(results)
}

fn hyperfine(command: &Invocation, runs: u32) -> Invocation {
    Invocation::new("hyperfine")
        .arguments(["--shell=none", "--warmup=3"])
        .argument(format!("--runs={runs}"))
        .argument(command.to_string())
}

/// Least, middle and most of the times.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let milliseconds = |index: usize| {
        let time = times.get(index).copied().unwrap_or_default();
        time.as_secs_f64() * 1000.0
    };
    let last = times.len().saturating_sub(1);
    format!(
        "{} runs: min {:.1} ms, median {:.1} ms, max {:.1} ms",
        times.len(),
        milliseconds(0),
        milliseconds(last / 2),
        milliseconds(last)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::quoted;

    #[test]
    fn the_times_in_short() {
        let times = [30, 10, 20].map(Duration::from_millis).to_vec();
        assert_eq!(
            summary(times),
            "3 runs: min 10.0 ms, median 20.0 ms, max 30.0 ms"
        );
    }

    #[test]
    fn hyperfine_gets_one_quoted_command() {
        let command = predict(Path::new("/my photo.jpg"), Path::new("results"));
        let line = hyperfine(&command, 7).to_string();
        assert!(line.contains("--runs=7"), "{line}");
        let inner = quoted(command.to_string().as_ref());
        assert!(line.ends_with(&inner), "{line}");
        assert!(inner.contains("/my photo.jpg"), "{inner}");
    }
}
