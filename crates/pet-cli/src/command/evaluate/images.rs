//! Which images are measured.

use std::path::Path;

use pet_data::{Dataset, Progress, Sample, folder};

use super::{Arguments, DEFAULT_SEED, SplitName};
use crate::arguments::DatasetKind;
use crate::failure::Failure;
use crate::workspace;

/// Images that are measured together.
pub(super) struct Images {
    /// The split, or the folder.
    pub(super) name: String,
    /// With the index of each image's class among the model's.
    pub(super) samples: Vec<Sample>,
    /// The command that measures them again.
    pub(super) command: String,
}

/// The images asked for, the test images first.
pub(super) fn images(
    arguments: &Arguments,
    classes: &[String],
    progress: &dyn Progress,
) -> Result<Vec<Images>, Failure> {
    match &arguments.folder {
        Some(folder) => Ok(vec![of_folder(folder, classes)?]),
        None => of_dataset(arguments, classes, progress),
    }
}

fn of_folder(path: &Path, classes: &[String]) -> Result<Images, Failure> {
    let dataset = folder::load(path)?;
    let samples = dataset.samples().cloned().collect();
    Ok(Images {
        samples: with_classes_of_model(&dataset, samples, classes)?,
        command: format!("pet-cli evaluate {}", dataset.name),
        name: dataset.name,
    })
}

fn of_dataset(
    arguments: &Arguments,
    classes: &[String],
    progress: &dyn Progress,
) -> Result<Vec<Images>, Failure> {
    let dataset = workspace::dataset(&arguments.dataset, progress)?;
    let split = arguments.split;
    let mut splits = Vec::new();
    if matches!(split, SplitName::Test | SplitName::All) {
        splits.push(("test", dataset.test.clone()));
    }
    if split != SplitName::Test {
        let parts = workspace::split(&dataset, &arguments.dataset, arguments.seed)?;
        splits.push(match split {
            SplitName::Train => ("train", parts.train),
            _ => ("validation", parts.validation),
        });
    }
    let images = |(name, samples): (&'static str, Vec<Sample>)| {
        if samples.is_empty() {
            let dataset = dataset.name.clone();
            let split = name;
            return Err(Failure::EmptySplit { dataset, split });
        }
        Ok(Images {
            samples: with_classes_of_model(&dataset, samples, classes)?,
            command: command(&dataset, arguments, name),
            name: name.into(),
        })
    };
    splits.into_iter().map(images).collect()
}

fn command(dataset: &Dataset, arguments: &Arguments, split: &str) -> String {
    let name = &dataset.name;
    let data = match arguments.dataset.dataset {
        DatasetKind::Folder => format!("folder --data-dir {name}"),
        DatasetKind::Sample | DatasetKind::OxfordIiitPet => name.clone(),
    };
    let seed = match arguments.seed {
        seed if split != "test" && seed != DEFAULT_SEED => format!(" --seed {seed}"),
        _ => String::new(),
    };
    format!("pet-cli evaluate --dataset {data} --split {split}{seed}")
}

/// The samples with the indices that the model gives to the classes of the same names.
fn with_classes_of_model(
    dataset: &Dataset,
    samples: Vec<Sample>,
    model: &[String],
) -> Result<Vec<Sample>, Failure> {
    let index = |class: &String| {
        let found = model.iter().position(|known| known == class);
        found.ok_or_else(|| Failure::OtherClasses {
            model: model.len(),
            dataset: dataset.classes.len(),
            difference: format!("`{class}` is none of the model's"),
        })
    };
    let indices: Vec<usize> = dataset
        .classes
        .iter()
        .map(index)
        .collect::<Result<_, _>>()?;
    let samples = samples.into_iter().filter_map(|sample| {
        let class = *indices.get(sample.class)?;
        Some(Sample { class, ..sample })
    });
    Ok(samples.collect())
}
