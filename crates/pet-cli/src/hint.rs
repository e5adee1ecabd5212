//! What to do about an error, in this program's commands: libraries know none of them.

use std::error::Error;
use std::iter::successors;

/// What the model card says of this program.
#[cfg(feature = "training")]
pub(crate) const CARD_USAGE: &str =
    "```sh\npet-cli predict photo.jpg\npet-cli predict --top-k 3 --json photos/\n```";

/// The advice for the first error, from the outermost to its last cause, that has one of this
/// program's own.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<String> {
    successors(Some(error), |error| (*error).source()).find_map(|error| {
        let predict = error.downcast_ref().and_then(predict);
        let model = || error.downcast_ref().and_then(model);
        let export = || export(error);
        predict.or_else(model).or_else(export)
    })
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
        Error::ReadModel { .. } => "make a model with `pet-cli export`".into(),
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
        _ => None,
    }
}

#[cfg(feature = "training")]
fn export(error: &(dyn Error + 'static)) -> Option<String> {
    use pet_export::Error;
    match error.downcast_ref()? {
        Error::NoCandidate { .. } | Error::ForeignModel { .. } => {
            Some("train one first: `pet-cli train --help`".into())
        }
        Error::OtherRun { .. } => {
            Some("the selection is of another store; run `pet-cli select` again".into())
        }
        _ => None,
    }
}

/// Without training there is nothing to export.
#[cfg(not(feature = "training"))]
fn export(_: &(dyn Error + 'static)) -> Option<String> {
    None
}
