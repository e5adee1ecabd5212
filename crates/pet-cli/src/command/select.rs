//! `pet-cli select`

use clap::Args;
use pet_model::{SELECTION_FILE, Selection};

use crate::arguments::{JsonArgument, ModelNameArgument, ResultsArgument, TrackingArguments};
use crate::failure::Failure;
use crate::{output, workspace};

/// Choose the best registered version
///
/// Ranks all versions by validation accuracy, shows the leaderboard, keeps it in selection.json and points the alias
/// `champion` to the best.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    json: JsonArgument,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (client, _) = workspace::tracking(&arguments.tracking)?;
    let selection = pet_export::select(&client, &arguments.model_name.model_name)?;
    let file = arguments.results.results.join(SELECTION_FILE);
    pet_export::promote(&client, &selection, &file)?;
    if arguments.json.json {
        output::json(&selection)
    } else {
        print(&selection)
    }
}

fn print(selection: &Selection) -> Result<(), Failure> {
    output::line(format_args!(
        "rank version    val_acc   val_loss  {:28} reason",
        "run"
    ))?;
    for (rank, candidate) in selection.candidates.iter().enumerate() {
        let loss = candidate
            .val_loss
            .map_or("-".into(), |loss| format!("{loss:.4}"));
        output::line(format_args!(
            "{:4} {:>7} {:>10.4} {loss:>10}  {:28} {}",
            rank + 1,
            candidate.version,
            candidate.val_acc,
            candidate.run_name,
            candidate.reason
        ))?;
    }
    for (version, reason) in &selection.excluded {
        output::line(format_args!("   - {version:>7}  left out: it {reason}"))?;
    }
    output::line(format_args!(
        "\nversion {} of `{}` is now `{}`",
        selection.version, selection.model_name, selection.alias
    ))
}
