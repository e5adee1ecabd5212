//! The class list.

use std::collections::HashSet;
use std::path::Path;

use crate::{Error, read_json, write_json};

/// Far more than any data set of this project has.
const MAX_CLASSES: usize = 10_000;

/// Reads `classes.json`: a JSON array of names in index order.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Json`] when the file is not such an array, [`Error::InvalidClasses`] when it is
/// empty, far too long, or has a blank or duplicate name.
pub fn read_classes(path: &Path) -> Result<Vec<String>, Error> {
    let classes: Vec<String> = read_json(path)?;
    check_classes(&classes)?;
    Ok(classes)
}

/// Writes `classes.json` atomically.
///
/// # Errors
///
/// [`Error::InvalidClasses`] for a list that [`read_classes`] would reject, [`Error::Io`] when the file cannot
/// be written.
pub fn write_classes(path: &Path, classes: &[String]) -> Result<(), Error> {
    check_classes(classes)?;
    write_json(path, &classes)
}

/// The first difference between two class lists, described for an error message: what is expected, and what is
/// there. `None` for equal lists.
///
/// ```
/// let [pug, boxer] = ["Pug", "Boxer"].map(|class| vec![class.to_owned()]);
/// let (expected, got) = pet_model::class_difference(&pug, &boxer).unwrap();
/// assert_eq!((expected.as_str(), got.as_str()), ("`Pug` as class 0", "`Boxer` as class 0"));
/// ```
pub fn class_difference(expected: &[String], got: &[String]) -> Option<(String, String)> {
    if expected.len() != got.len() {
        let count = |classes: &[String]| format!("{} classes", classes.len());
        return Some((count(expected), count(got)));
    }
    let index = expected
        .iter()
        .zip(got)
        .position(|(expected, got)| expected != got)?;
    let describe = |classes: &[String]| format!("`{}` as class {index}", classes[index]);
    Some((describe(expected), describe(got)))
}

pub(crate) fn check_classes(classes: &[String]) -> Result<(), Error> {
    let invalid = |reason: String| Err(Error::InvalidClasses { reason });
    if classes.is_empty() {
        return invalid("it is empty".into());
    }
    if classes.len() > MAX_CLASSES {
        return invalid(format!("{} classes, at most {MAX_CLASSES}", classes.len()));
    }
    let mut seen = HashSet::new();
    match classes
        .iter()
        .find(|class| class.trim().is_empty() || !seen.insert(class.as_str()))
    {
        Some(class) if class.trim().is_empty() => invalid("a name is blank".into()),
        Some(class) => invalid(format!("`{class}` is listed twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_cannot_be_class_lists_are_refused() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(check_classes(&names(&["Beagle", "Pug"])).is_ok());
        for (bad, reason) in [
            (names(&[]), "empty"),
            (names(&["Pug", "Pug"]), "`Pug` is listed twice"),
            (names(&["Pug", " "]), "blank"),
            (vec![String::from("x"); MAX_CLASSES + 1], "at most"),
        ] {
            let message = check_classes(&bad).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
