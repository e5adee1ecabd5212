//! Hyper-parameters as parameters and name of a run.

use pet_model::MULTIPLY_ADDS;
use pet_train::network::Architecture;
use pet_train::{Configuration, FineTune, Schedule};

use crate::settings::TrainSettings;
use crate::tracking::{GROUP_DUPLICATES, SEED, VALIDATION_FRACTION};

/// Parameter: the number of epochs that a run was started with. Tag: the number that it was resumed with, if it differs.
pub(super) const EPOCHS: &str = "epochs";

/// The default name of a run, which is compatible with the predecessor of this project.
pub(super) fn run_name(network: &Architecture, configuration: &Configuration) -> String {
    let tuned = match configuration.fine_tune {
        FineTune::None => String::new(),
        tuned => format!("_{}", part(tuned).replace(':', "")),
    };
    format!(
        "{}{tuned}_bs{}_lr{}",
        network.name, configuration.batch_size, configuration.learning_rate
    )
}

/// The parameters of a run, which include those of the predecessor of this project.
pub(super) fn of(network: &Architecture, settings: &TrainSettings) -> Vec<(&'static str, String)> {
    let Configuration {
        fine_tune,
        batch_size,
        learning_rate,
        body_learning_rate,
        schedule,
        warm_up,
        epochs,
        seed,
        dropout,
        weight_decay,
        label_smoothing,
        mixup,
        average,
        teacher_weight,
        teacher_temperature,
        patience,
    } = &settings.configuration;
    let work = network.multiply_adds(settings.recipe.size() as usize);
    let optimizer = if *weight_decay > 0.0 { "AdamW" } else { "Adam" };
    let schedule = match schedule {
        Schedule::Constant => "constant",
        Schedule::Cosine => "cosine",
    };
    let mut params = vec![
        ("model_name", network.name.into()),
        ("batch_size", batch_size.to_string()),
        ("learning_rate", learning_rate.to_string()),
        (EPOCHS, epochs.to_string()),
        (SEED, seed.to_string()),
        ("optimizer", optimizer.into()),
        ("loss_function", "CrossEntropyLoss".into()),
        ("dropout", dropout.to_string()),
        ("weight_decay", weight_decay.to_string()),
        ("patience", patience.map_or("none".into(), |epochs| epochs.to_string())),
        ("fine_tune", part(*fine_tune)),
        ("body_learning_rate", body_learning_rate.to_string()),
        ("schedule", schedule.into()),
        ("warm_up", warm_up.to_string()),
        ("label_smoothing", label_smoothing.to_string()),
        ("mixup", mixup.to_string()),
        ("average", average.to_string()),
        ("recipe", settings.recipe_name()),
        (MULTIPLY_ADDS, work.to_string()),
        ("augment", settings.augment_name()),
        (GROUP_DUPLICATES, settings.group_duplicates.to_string()),
        (VALIDATION_FRACTION, settings.validation_fraction.to_string()),
    ];
    if !settings.teachers.is_empty() {
        params.push(("teacher_weight", teacher_weight.to_string()));
        params.push(("teacher_temperature", teacher_temperature.to_string()));
    }
    params
}

/// `none`, `last:N` or `all`.
fn part(fine_tune: FineTune) -> String {
    match fine_tune {
        FineTune::None => "none".into(),
        FineTune::Last(count) => format!("last:{count}"),
        FineTune::All => "all".into(),
    }
}
