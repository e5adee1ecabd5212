//! `pet-cli train --find-learning-rate`

use std::ffi::OsString;
use std::path::Path;

use pet_model::write_atomically;
use pet_pipeline::{TrainSettings, test_learning_rates};
use pet_report::{LossPoint, learning_rates_png};
use pet_train::{FineTune, RangeTest, RateRange};
use serde::Serialize;

use super::train::quoted;
use super::train_args::TrainArgs;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bars;

/// The option, by which the command that follows is told from the one that was given.
const OPTION: &str = "--find-learning-rate";
const PICTURE: &str = "learning_rate.png";
const FIGURES: &str = "learning_rate.json";

/// What was found, as `learning_rate.json` has it.
#[derive(Serialize)]
struct Found<'a> {
    /// The suggestion, for the head.
    learning_rate: Option<f64>,
    /// The same for the backbone, where it is trained.
    body_learning_rate: Option<f64>,
    /// Where the running mean of the loss was lowest.
    lowest: Option<f64>,
    #[serde(flatten)]
    test: &'a RangeTest,
}

/// Looks for a learning rate instead of training, and leaves the picture and the figures in `folder`.
pub(super) fn find(args: &TrainArgs, folder: &Path, bars: &Bars) -> Result<(), Failure> {
    let mut settings = args.settings()?;
    let configurations = args.hyperparameters.configurations()?;
    let [configuration] = configurations.as_slice() else {
        let got = configurations.len();
        return Err(Failure::SeveralConfigurations { got });
    };
    settings.configuration = configuration.clone();
    fs_err::create_dir_all(folder)?;
    let dataset = settings.load(bars)?;
    let context = args.context("pet-cli train", bars)?;
    let title = format!("Learning rates on {}", dataset.name);
    let range = RateRange::default();
    let test = test_learning_rates(&settings, dataset, &range, &context)?;
    let found = Found::of(&test, &settings);
    write_atomically(&folder.join(FIGURES), &serde_json::to_vec_pretty(&found)?)?;
    let picture = folder.join(PICTURE);
    write_atomically(&picture, &draw(&test, found.learning_rate, &title)?)?;
    if args.json.json {
        output::json(&found)?;
    } else {
        found.print(&picture)?;
    }
    found
        .learning_rate
        .map_or(Err(Failure::NoLearningRate), |_| Ok(()))
}

impl<'a> Found<'a> {
    fn of(test: &'a RangeTest, settings: &TrainSettings) -> Self {
        let configuration = &settings.configuration;
        let share = configuration.body_learning_rate / configuration.learning_rate;
        let trained = configuration.fine_tune != FineTune::None;
        let suggestion = test.suggestion();
        let body = suggestion.map(|rate| rounded(rate * share));
        Self {
            learning_rate: suggestion.map(rounded),
            body_learning_rate: body.filter(|_| trained),
            lowest: test.lowest(),
            test,
        }
    }

    fn print(&self, picture: &Path) -> Result<(), Failure> {
        let steps = self.test.points.len();
        let end = if self.test.diverged {
            ", then the loss diverged"
        } else {
            ""
        };
        output::line(format_args!("{steps} steps{end}: {}", picture.display()))?;
        let (Some(rate), Some(lowest)) = (self.learning_rate, self.lowest) else {
            return Ok(());
        };
        output::line(format_args!(
            "lowest loss at {:e}; suggested: {rate:e}",
            rounded(lowest)
        ))?;
        output::line(format_args!(
            "\nnext:\n  {}",
            self.next(std::env::args_os())
        ))
    }

    /// The command that was given, with the suggestion.
    fn next(&self, given: impl Iterator<Item = OsString>) -> String {
        let given = given
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned());
        let mut words = vec!["pet-cli".to_owned()];
        let ours = |word: &str| word == "--json" || word.split('=').next() == Some(OPTION);
        words.extend(given.filter(|word| !ours(word)).map(|word| quoted(&word)));
        let rates = [
            ("--learning-rate", self.learning_rate),
            ("--body-learning-rate", self.body_learning_rate),
        ];
        let rates = rates.into_iter();
        words.extend(rates.filter_map(|(option, rate)| Some(format!("{option} {}", rate?))));
        words.join(" ")
    }
}

/// Two digits say all that the test knows.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

fn draw(test: &RangeTest, suggested: Option<f64>, title: &str) -> Result<Vec<u8>, Failure> {
    let points = test.points.iter().map(|point| LossPoint {
        learning_rate: point.learning_rate,
        loss: point.loss,
        smoothed: point.smoothed,
    });
    let points: Vec<_> = points.collect();
    Ok(learning_rates_png(&points, suggested, title)?)
}
