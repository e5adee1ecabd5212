//! The class list.

use std::collections::HashSet;
use std::path::Path;

use crate::{Error, read_json, write_json};

/// No data set that this project trains on comes near this many classes.
const MAX_CLASSES: usize = 10_000;

/// Reads `classes.json`: a JSON array of names in index order.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Json`] when the file is not such an array, [`Error::InvalidClasses`] when it is
/// empty, far too long, or names a class twice.
pub fn read_classes(path: &Path) -> Result<Vec<String>, Error> {
    let classes: Vec<String> = read_json(path)?;
    check_classes(&classes)?;
    Ok(classes)
}

/// Writes `classes.json`, whole or not at all.
///
/// # Errors
///
/// [`Error::InvalidClasses`] for a list that [`read_classes`] would refuse, [`Error::Io`] when the file cannot
/// be written.
pub fn write_classes(path: &Path, classes: &[String]) -> Result<(), Error> {
    check_classes(classes)?;
    write_json(path, &classes)
}

pub(crate) fn check_classes(classes: &[String]) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::InvalidClasses { reason });
    if classes.is_empty() {
        return refuse("it is empty".into());
    }
    if classes.len() > MAX_CLASSES {
        return refuse(format!("{} classes, at most {MAX_CLASSES}", classes.len()));
    }
    let mut seen = HashSet::new();
    match classes
        .iter()
        .find(|class| class.trim().is_empty() || !seen.insert(class.as_str()))
    {
        Some(class) if class.trim().is_empty() => refuse("a name is blank".into()),
        Some(class) => refuse(format!("`{class}` is named twice")),
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
            (names(&["Pug", "Pug"]), "`Pug` is named twice"),
            (names(&["Pug", " "]), "blank"),
            (vec![String::from("x"); MAX_CLASSES + 1], "at most"),
        ] {
            let message = check_classes(&bad).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
