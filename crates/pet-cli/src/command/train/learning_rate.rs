//! `pet-cli train --find-learning-rate`

use std::ffi::OsString;
use std::path::Path;

use pet_model::write_atomically;
use pet_pipeline::{TrainSettings, test_learning_rates};
use pet_report::{LossPoint, learning_rates_png};
use pet_train::{FineTune, RangeTest, RateRange};
use serde::Serialize;

use super::arguments::TrainArguments;
use crate::failure::Failure;
use crate::hint::quoted;
use crate::output::{self, Bars};

const OPTION: &str = "--find-learning-rate";
const PLOT_FILE: &str = "learning_rate.png";
const REPORT_FILE: &str = "learning_rate.json";

/// The content of `learning_rate.json`.
#[derive(Serialize)]
struct Report<'a> {
    /// The suggestion for the head.
    learning_rate: Option<f64>,
    /// The suggestion for the backbone, if it is trained.
    body_learning_rate: Option<f64>,
    /// The rate with the lowest smoothed loss.
    lowest: Option<f64>,
    #[serde(flatten)]
    test: &'a RangeTest,
}

/// Runs a learning rate range test, and writes plot and report to `folder`.
pub(super) fn find(args: &TrainArguments, folder: &Path, bars: &Bars) -> Result<(), Failure> {
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
    let report = Report::new(&test, &settings);
    write_atomically(&folder.join(REPORT_FILE), &serde_json::to_vec_pretty(&report)?)?;
    let plot = folder.join(PLOT_FILE);
    write_atomically(&plot, &draw(&test, report.learning_rate, &title)?)?;
    if args.json.json {
        output::json(&report)?;
    } else {
        report.print(&plot)?;
    }
    report.learning_rate.map_or(Err(Failure::NoLearningRate), |_| Ok(()))
}

impl<'a> Report<'a> {
    fn new(test: &'a RangeTest, settings: &TrainSettings) -> Self {
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

    fn print(&self, plot: &Path) -> Result<(), Failure> {
        let steps = self.test.points.len();
        let end = if self.test.diverged { ", then the loss diverged" } else { "" };
        output::line(format_args!("{steps} steps{end}: {}", plot.display()))?;
        let (Some(rate), Some(lowest)) = (self.learning_rate, self.lowest) else {
            return Ok(());
        };
        output::line(format_args!("lowest loss at {:e}; suggested: {rate:e}", rounded(lowest)))?;
        output::line(format_args!("\nnext:\n  {}", self.next_command(std::env::args_os())))
    }

    /// The given command without `--find-learning-rate`, but with the suggestion.
    fn next_command(&self, given: impl Iterator<Item = OsString>) -> String {
        let given = given.skip(1).map(|word| word.to_string_lossy().into_owned());
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

/// Rounds to two significant digits, the precision of the test.
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
