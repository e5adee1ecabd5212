//! What is said about errors: their causes, and hints with this program's commands, which libraries don't know.

use std::error::Error;
use std::iter::successors;

/// An error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

/// The messages of an error and its causes, without repetitions.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let (mut texts, mut previous) = (Vec::new(), String::new());
    for text in chain(error).map(ToString::to_string) {
        // Some wrappers include their cause.
        if !previous.contains(&text) {
            texts.push(text.clone());
        }
        previous = text;
    }
    texts
}

/// Quotes a word for a shell if necessary.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./:=,@+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// How to use this program, for the model card.
#[cfg(feature = "training")]
pub(crate) const CARD_USAGE: &str =
    "```sh\npet-cli predict photo.jpg\npet-cli predict --top-k 3 --json photos/\n```";

/// This program's hint for the first error in the chain of causes that has one.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).find_map(|error| {
        let image = error.downcast_ref().and_then(of_image);
        let predict = || error.downcast_ref().and_then(predict);
        let model = || error.downcast_ref().and_then(model);
        let training = || training(error);
        let system = || error.downcast_ref().and_then(of_io).map(str::to_owned);
        image.or_else(predict).or_else(model).or_else(training).or_else(system)
    })
}

pub(crate) const MAKE_MODEL: &str =
    "create a model with `pet-cli export`, or give the folder of one with `--results`";

/// A hint for files that are too large.
pub(crate) const MORE_BYTES: &str =
    "raise the limit with `--max-upload`, or save a smaller copy with an image editor";

/// A hint for images with too many pixels.
#[cfg(feature = "training")]
pub(crate) const MORE_PIXELS: &str =
    "raise the limit with `--max-pixels`, or save smaller copies with an image editor";

/// A hint that lists the extensions of output files.
pub(crate) fn extensions() -> String {
    let formats = pet_image::Format::WRITTEN;
    let names = formats.map(|format| format!("`.{}`", format.extension()));
    format!("use one of the extensions {}", names.join(", "))
}

pub(crate) fn of_image(error: &pet_image::Error) -> Option<String> {
    of_limit(error).or_else(|| error.hint())
}

/// The hint for images that are too large. All commands that read images have options for the limits.
fn of_limit(error: &pet_image::Error) -> Option<String> {
    use pet_image::Error;
    match error {
        Error::TooManyBytes { .. } => Some(MORE_BYTES.into()),
        Error::TooManyPixels { width, height, .. } => Some(format!(
            "raise the limit with `--max-pixels {}`, or save a smaller copy with an image editor",
            u64::from(*width) * u64::from(*height)
        )),
        // No option changes the limit of a side.
        Error::TooLarge { .. } => Some("save a smaller copy with an image editor".into()),
        _ => None,
    }
}

fn predict(error: &pet_predict::Error) -> Option<String> {
    use pet_predict::Error;
    Some(match error {
        Error::LibraryNotFound { .. } => {
            "run `pet-cli setup`, or set `ORT_DYLIB_PATH` to the path of the library".into()
        }
        Error::NotALibrary { path, .. } | Error::LoadLibrary { path, .. } => format!(
            "delete `{}` and run `pet-cli setup`, or set `ORT_DYLIB_PATH` to another library",
            path.display()
        ),
        Error::NoModel { .. } | Error::ReadModel { .. } => MAKE_MODEL.into(),
        Error::ModelSize { .. } | Error::LoadModel { .. } | Error::Interface { .. } => {
            "export the model again with `pet-cli export`".into()
        }
        _ => return None,
    })
}

fn model(error: &pet_model::Error) -> Option<String> {
    use pet_model::Error;
    match error {
        Error::MissingProperty { .. } | Error::UnknownFormat { .. } => {
            Some("export the model again with `pet-cli export`".into())
        }
        Error::Io(source) => of_io(source).map(str::to_owned),
        _ => None,
    }
}

/// The hint for files and folders that cannot be used.
pub(crate) fn of_io(error: &std::io::Error) -> Option<&'static str> {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("choose a location that you can read and write")
        }
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            Some("there is a file where a folder is needed, or a folder where a file is needed")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("free some space, or choose another disk")
        }
        ErrorKind::FileTooLarge => Some("raise the limit on the size of files: `ulimit -f`"),
        _ => None,
    }
}

/// The hint for errors of a tracking store.
#[cfg(feature = "training")]
pub(crate) fn of_tracking(error: &mlflow_client::Error) -> Option<String> {
    let mlflow_client::Error::NotFound { what, name, .. } = error else {
        return error.hint();
    };
    let command = match *what {
        "run" => "runs list".into(),
        "model" => "models list".into(),
        "model version" => {
            let (model, _) = name.rsplit_once('/')?;
            format!("models show {}", quoted(model))
        }
        _ => return None,
    };
    Some(format!("`pet-cli {command}` lists the existing ones"))
}

#[cfg(feature = "training")]
fn training(error: &(dyn Error + 'static)) -> Option<String> {
    let export = error.downcast_ref().and_then(export);
    let pipeline = || error.downcast_ref().and_then(pipeline);
    export
        .or_else(pipeline)
        .or_else(|| data(error.downcast_ref()?))
        .or_else(|| tracking(error.downcast_ref()?))
}

#[cfg(not(feature = "training"))]
fn training(_: &(dyn Error + 'static)) -> Option<String> {
    None
}

#[cfg(feature = "training")]
fn export(error: &pet_export::Error) -> Option<String> {
    use pet_export::{CHALLENGER, Error, Role};
    let hint = match error {
        Error::Images { source } => return of(source),
        Error::Contestant { role: Role::Champion, .. } => {
            "choose another champion with `pet-cli models alias MODEL champion VERSION`"
        }
        Error::Contestant { source, .. } if matches!(**source, Error::Gate { .. }) => {
            "compare and serve it in fp32: `pet-cli promote --precision fp32`, `pet-cli export --precision fp32`"
        }
        Error::Contestant { source, .. } => return of(&**source),
        Error::Tracking { source: source @ mlflow_client::Error::NotFound { .. }, .. } => {
            return of_tracking(source);
        }
        Error::Tracking { source: mlflow_client::Error::AliasMoved { .. }, .. } => {
            "run `pet-cli promote` again: it compares with the current champion"
        }
        Error::NoData { model, .. } => {
            let model = quoted(model);
            return Some(format!(
                "`pet-cli models show {model}` lists the data sets of its versions"
            ));
        }
        Error::NoAlias { alias, .. } if alias == CHALLENGER => {
            "run `pet-cli select`, which sets it"
        }
        Error::NoAlias { model, alias } => {
            let (model, alias) = (quoted(model), quoted(alias));
            return Some(format!(
                "`pet-cli models show {model}` lists the aliases; `pet-cli models alias {model} {alias} VERSION` sets one"
            ));
        }
        Error::NoCandidate { .. } => "train one first: `pet-cli train --help`",
        Error::ForeignModel { .. } | Error::ForeignFiles { .. } => {
            "choose a version that was with `--version` (`pet-cli models show MODEL` lists them), or train one: \
             `pet-cli train --help`"
        }
        Error::FilesGone { .. } => {
            "restore them, or choose another version with `--version` (`pet-cli models show MODEL` lists them)"
        }
        Error::OtherResults { .. } => {
            "write to another folder with `--results DIR`, or replace this one with `--force`"
        }
        Error::NoModel { .. } => {
            "export both precisions with `pet-cli export --precision both`, or give the folder of a model with `--results`"
        }
        Error::Gate { .. } => "serve the model in fp32: `pet-cli export --precision fp32`",
        Error::Incomparable { .. } => {
            "compare them with `--split test`, on images that neither was trained on"
        }
        Error::OtherRun { .. } => "the selection is from another store; run `pet-cli select` again",
        _ => return None,
    };
    Some(hint.into())
}

#[cfg(feature = "training")]
fn data(error: &pet_data::Error) -> Option<String> {
    use pet_data::Error;
    match error {
        Error::Layout { nested: None, expected, .. } => Some(format!(
            "choose the folder that contains `{expected}`, or add `--dataset folder` for a folder of class folders"
        )),
        Error::Io(source) => of_io(source).map(str::to_owned),
        _ => None,
    }
}

/// The advice about a file of a tracking store: its error stands for that of the system, which is not among the causes.
#[cfg(feature = "training")]
fn tracking(error: &mlflow_client::Error) -> Option<String> {
    match error {
        mlflow_client::Error::Io { source } => of_io(source).map(str::to_owned),
        _ => None,
    }
}

/// The hint of the first image that has one.
#[cfg(feature = "training")]
fn train(error: &pet_train::Error) -> Option<String> {
    use pet_train::Error;
    match error {
        Error::UnreadableImages { failures } => failures.iter().find_map(|(_, error)| train(error)),
        Error::ImageChanged => Some(
            "train again when nothing is changing the folder, or restore the files and continue with \
             `pet-cli train --resume ID` (`pet-cli runs list` shows the ID)"
                .into(),
        ),
        Error::ImageTooLarge { .. } => Some(MORE_BYTES.into()),
        Error::Image(source) => of_limit(source),
        _ => None,
    }
}

#[cfg(feature = "training")]
fn pipeline(error: &pet_pipeline::Error) -> Option<String> {
    use pet_pipeline::Error;
    use pet_train::network::{Architecture, architectures};
    Some(match error {
        Error::Data(error) => return data(error),
        Error::Io(error) => return of_io(error).map(str::to_owned),
        Error::Train(error) => return train(error),
        Error::NoBackbone { path } => {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let network = name.and_then(Architecture::named);
            match network {
                None => {
                    let names = architectures().iter().map(|network| network.name);
                    let names = names.collect::<Vec<_>>().join("`, `");
                    format!("choose one of `{names}`, or a file with the weights of one")
                }
                Some(network) if network.name == Architecture::standard().name => {
                    "run `pet-cli setup`, or give a file with `--backbone`".into()
                }
                Some(Architecture { name, .. }) => format!("run `pet-cli setup --backbone {name}`"),
            }
        }
        Error::OtherImages { .. } => {
            "use the same `--dataset` and `--data-dir` as in the training, and omit `--seed`, `--validation-fraction`, \
             `--group-duplicates` and `--group-series`; `export` and `evaluate` use other images with `--force`"
                .into()
        }
        Error::NothingToResume { .. } => "`pet-cli runs list` shows which runs can be resumed".into(),
        Error::AmbiguousRun { .. } => "give more characters of the ID: `pet-cli runs list`".into(),
        Error::ValidationTrained { .. } => {
            "evaluate it on the test images with `--split test`, or evaluate that run's model".into()
        }
        Error::EmptySplit { split, .. } if split == "test" => {
            "evaluate the validation images with `--split validation`, or other images with `pet-cli evaluate DIR`"
                .into()
        }
        Error::EmptySplit { .. } => {
            "add images to each class, or raise `--validation-fraction`".into()
        }
        Error::UnknownClass { .. } => {
            "rename the class folders to match the model's classes, or give the data set that the model was trained on with `--dataset`"
                .into()
        }
        Error::Interrupted { run_id, .. } => run_id.as_ref().map_or_else(
            || "logged data is kept; computed features are cached".into(),
            |run| format!("`pet-cli train --resume {run}` continues where it stopped"),
        ),
        _ => return None,
    })
}

/// The hint for downloads that failed.
#[cfg(feature = "training")]
pub(crate) fn setup(error: &pet_pipeline::setup::Error) -> Option<String> {
    use pet_pipeline::setup::Error;
    let hint = match error {
        Error::NoRuntime { .. } => {
            "install python3 with pip (or npm), or set ORT_DYLIB_PATH to the library of an installed ONNX Runtime"
        }
        Error::NoWeights { .. } => {
            "check the network, or use a file of weights with `pet-cli train --backbone FILE`"
        }
        Error::Platform { .. } => "install ONNX Runtime and set ORT_DYLIB_PATH to its library",
        Error::Write { .. } | Error::Io { .. } => "choose a writable folder with `--cache-dir`",
        _ => return None,
    };
    Some(hint.into())
}
