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

/// The first difference between two class lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassDifference {
    /// The index of the first class that differs.
    pub index: usize,
    /// Its name in the expected list, unless that is shorter.
    pub expected: Option<String>,
    /// Its name in the other list, unless that is shorter.
    pub got: Option<String>,
    /// The numbers of classes in both lists.
    counts: (usize, usize),
}

impl ClassDifference {
    /// What is expected and what there is, for an error message: the numbers of classes, or the classes that differ.
    pub fn describe(&self) -> (String, String) {
        let (expected, got) = self.counts;
        if expected != got {
            return (format!("{expected} classes"), format!("{got} classes"));
        }
        let describe = |name: Option<&String>| {
            format!("`{}` as class {}", name.map_or("", String::as_str), self.index)
        };
        (describe(self.expected.as_ref()), describe(self.got.as_ref()))
    }

    /// The names of the class in both lists, for an error message.
    pub fn names(&self) -> (String, String) {
        let name =
            |name: Option<&String>| name.map_or("nothing".into(), |name| format!("`{name}`"));
        (name(self.expected.as_ref()), name(self.got.as_ref()))
    }
}

/// The first difference between two class lists; `None` for equal lists.
///
/// ```
/// let [pug, boxer] = ["Pug", "Boxer"].map(|class| vec![class.to_owned()]);
/// let difference = pet_model::class_difference(&pug, &boxer).unwrap();
/// assert_eq!((difference.index, difference.got.as_deref()), (0, Some("Boxer")));
/// let (expected, got) = difference.describe();
/// assert_eq!((expected.as_str(), got.as_str()), ("`Pug` as class 0", "`Boxer` as class 0"));
/// assert!(pet_model::class_difference(&pug, &pug).is_none());
/// ```
pub fn class_difference(expected: &[String], got: &[String]) -> Option<ClassDifference> {
    let longer = expected.len().max(got.len());
    let index = (0..longer).find(|&index| expected.get(index) != got.get(index))?;
    Some(ClassDifference {
        index,
        expected: expected.get(index).cloned(),
        got: got.get(index).cloned(),
        counts: (expected.len(), got.len()),
    })
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
    match classes.iter().find(|class| class.trim().is_empty() || !seen.insert(class.as_str())) {
        Some(class) if class.trim().is_empty() => invalid("a name is blank".into()),
        Some(class) => invalid(format!("`{class}` is listed twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_class_is_a_difference() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let difference = class_difference(&names(&["Beagle", "Pug"]), &names(&["Beagle"])).unwrap();
        assert_eq!(difference.index, 1);
        assert_eq!(difference.names(), ("`Pug`".into(), "nothing".into()));
        let (expected, got) = difference.describe();
        assert_eq!([expected, got], ["2 classes", "1 classes"]);
    }

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
