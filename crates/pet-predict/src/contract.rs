//! Checks of a model's graph and the files next to it against its metadata.

use std::collections::BTreeMap;
use std::path::Path;

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};
use pet_model::{
    CLASSES_FILE, INPUT_NAME, ModelMetadata, OUTPUT_NAME, Precision, SIMILARITY_NAME,
    class_difference, read_classes,
};

use crate::Error;

/// Reads the metadata of a model and checks that the graph's inputs and outputs match it.
pub(crate) fn read_metadata(session: &Session, path: &Path) -> Result<ModelMetadata, Error> {
    let properties = properties(session).map_err(|source| Error::load_model(path, source))?;
    let metadata = ModelMetadata::from_properties(&properties)
        .map_err(|source| Error::Metadata { path: path.to_owned(), source })?;
    check_graph(session, &metadata, path)?;
    Ok(metadata)
}

fn properties(session: &Session) -> ort::Result<BTreeMap<String, String>> {
    let metadata = session.metadata()?;
    let keys = metadata.custom_keys()?.into_iter();
    let pairs = keys.filter_map(|key| metadata.custom(&key).map(|value| (key, value)));
    Ok(pairs.collect())
}

/// Expects one input for the recipe's tensors, one output of logits, and one of similarities if the metadata has their
/// threshold.
fn check_graph(session: &Session, metadata: &ModelMetadata, path: &Path) -> Result<(), Error> {
    let size = i64::from(metadata.preprocess.size());
    let classes = metadata.classes.len() as i64;
    let input = Expected { name: INPUT_NAME, shape: &[-1, 3, size, size] };
    let shape = &[-1, classes];
    let output = |name| Expected { name, shape };
    let second = metadata.least_similarity.map(|_| output(SIMILARITY_NAME));
    let outputs: Vec<_> = [output(OUTPUT_NAME)].into_iter().chain(second).collect();
    for (kind, expected, outlets) in
        [("input", [input].as_slice(), session.inputs()), ("output", &outputs, session.outputs())]
    {
        let mut pairs = expected.iter().zip(outlets);
        if expected.len() != outlets.len() || !pairs.all(|(expected, got)| expected.fits(got)) {
            let got: Vec<_> = outlets.iter().map(describe).collect();
            let expected: Vec<_> = expected.iter().map(Expected::describe).collect();
            return Err(Error::Interface {
                path: path.to_owned(),
                expected: format!("the {kind} {}", list(&expected)),
                got: list(&got),
            });
        }
    }
    Ok(())
}

/// Names in backticks.
fn list(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => format!("`{}`", names.join("`, `")),
    }
}

/// A tensor of `f32`; -1 stands for a dynamic dimension.
struct Expected<'a> {
    name: &'static str,
    shape: &'a [i64],
}

impl Expected<'_> {
    /// The batch must be dynamic; any other dimension may be.
    fn fits(&self, outlet: &Outlet) -> bool {
        let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = outlet.dtype() else {
            return false;
        };
        let fits = |(&expected, &got): (&i64, &i64)| got == expected || got == -1;
        let shape: &[i64] = shape;
        outlet.name() == self.name
            && shape.len() == self.shape.len()
            && self.shape.iter().zip(shape).all(fits)
    }

    fn describe(&self) -> String {
        format!("{}: f32[{}]", self.name, extents(self.shape))
    }
}

fn describe(outlet: &Outlet) -> String {
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            format!("{}: {ty}[{}]", outlet.name(), extents(shape))
        }
        other => format!("{}: {other}", outlet.name()),
    }
}

fn extents(shape: &[i64]) -> String {
    let extents = shape.iter().map(|&extent| match extent {
        -1 => "any".to_owned(),
        extent => extent.to_string(),
    });
    extents.collect::<Vec<_>>().join(", ")
}

/// Checks that a model in a folder has the precision of its file name.
pub(crate) fn check_precision(path: &Path, metadata: &ModelMetadata) -> Result<(), Error> {
    let named = |one: &Precision| path.file_name().is_some_and(|name| name == one.file());
    let got = metadata.precision;
    match Precision::ALL.into_iter().find(named) {
        Some(expected) if expected != got => {
            Err(Error::Precision { path: path.to_owned(), expected, got })
        }
        _ => Ok(()),
    }
}

/// Checks that the class list in a model's folder, if there is one, is the model's.
pub(crate) fn check_classes(folder: &Path, metadata: &ModelMetadata) -> Result<(), Error> {
    let path = folder.join(CLASSES_FILE);
    if !path.exists() {
        return Ok(());
    }
    let got = read_classes(&path).map_err(Error::ReadClasses)?;
    let Some(difference) = class_difference(&metadata.classes, &got) else {
        return Ok(());
    };
    let (expected, got) = difference.describe();
    Err(Error::Classes { path, expected, got })
}
