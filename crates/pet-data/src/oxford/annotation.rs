use std::path::Path;

use crate::{Error, read_at_most};

/// The official lists have less than 120 kB.
const FILE_LIMIT: u64 = 16 << 20;

/// The official data set has 37 classes; larger ids are rejected before memory is allocated by them.
const CLASS_LIMIT: usize = 10_000;

/// Characters of an invalid line that an error shows.
const QUOTED: usize = 80;

const LINE: &str = "`NAME_NUMBER CLASS-ID SPECIES BREED-ID`";

/// One line of `trainval.txt` or `test.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Annotation {
    /// Line number, from 1.
    pub(super) line: usize,
    /// Name of the image file without its extension, such as `american_bulldog_10`.
    pub(super) image: String,
    /// Class id, from 1.
    pub(super) class_id: usize,
}

impl Annotation {
    /// The class as torchvision names it: `american_bulldog_10` shows an `American Bulldog`.
    pub(super) fn class_name(&self) -> String {
        let raw = self.image.rsplit_once('_').map_or(self.image.as_str(), |(name, _)| name);
        raw.split('_').map(title_case).collect::<Vec<_>>().join(" ")
    }
}

/// Reads all lines of a list.
pub(super) fn read(path: &Path) -> Result<Vec<Annotation>, Error> {
    let bytes = read_at_most(path, FILE_LIMIT)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Error::AnnotationSize { path: path.to_owned(), limit: FILE_LIMIT });
    }
    // Invalid UTF-8 becomes U+FFFD, which no field accepts, so that the error has the line number.
    parse(&String::from_utf8_lossy(&bytes), path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Annotation>, Error> {
    let parse_line = |(index, line): (usize, &str)| {
        annotation(index + 1, line).map_err(|expected| Error::Annotation {
            path: path.to_owned(),
            line: index + 1,
            expected,
            got: line.chars().take(QUOTED).collect(),
        })
    };
    text.lines().enumerate().map(parse_line).collect()
}

/// Parses one line; the error is what was expected.
fn annotation(line: usize, text: &str) -> Result<Annotation, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [image, class_id, species, breed_id] = fields[..] else {
        return Err(LINE.to_owned());
    };
    if !is_image_name(image) {
        return Err(format!("an image name like `american_bulldog_10` at the start of {LINE}"));
    }
    if number(species).is_none_or(|species| species > 2) {
        return Err(format!("a SPECIES of 1 (cat) or 2 (dog) in {LINE}"));
    }
    if number(breed_id).is_none() {
        return Err(format!("a BREED-ID from 1 to {CLASS_LIMIT} in {LINE}"));
    }
    let class_id =
        number(class_id).ok_or_else(|| format!("a CLASS-ID from 1 to {CLASS_LIMIT} in {LINE}"))?;
    Ok(Annotation { line, image: image.to_owned(), class_id })
}

fn number(field: &str) -> Option<usize> {
    let digits = field.bytes().all(|byte| byte.is_ascii_digit());
    field.parse().ok().filter(|number| digits && (1..=CLASS_LIMIT).contains(number))
}

/// Whether it consists of letters, digits, `_` and `-` and ends in `_` and digits, so that it cannot leave the folder.
fn is_image_name(image: &str) -> bool {
    let Some((class, number)) = image.rsplit_once('_') else {
        return false;
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    class.bytes().any(|byte| byte.is_ascii_alphabetic())
        && class.bytes().all(allowed)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Like Python's `str.title`, which capitalizes after every non-letter.
fn title_case(word: &str) -> String {
    let mut previous_is_letter = false;
    let title = |letter: char| {
        let first = !std::mem::replace(&mut previous_is_letter, letter.is_ascii_alphabetic());
        if first { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    word.chars().map(title).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(line: &str) -> String {
        parse(&format!("Abyssinian_1 1 1 1\n{line}\n"), Path::new("test.txt"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_line_gives_image_and_class() {
        let lines = parse("american_bulldog_10 2 2 1\r\nMaine_Coon_7 21 1 8", Path::new("x"));
        let lines = lines.unwrap();
        assert_eq!(lines[0].image, "american_bulldog_10");
        assert_eq!((lines[0].line, lines[0].class_id), (1, 2));
        assert_eq!(lines[0].class_name(), "American Bulldog");
        assert_eq!((lines[1].line, lines[1].class_id), (2, 21));
        assert_eq!(lines[1].class_name(), "Maine Coon");
    }

    #[test]
    fn names_are_in_title_case_as_in_python() {
        assert_eq!(title_case("british"), "British");
        assert_eq!(title_case("MAU"), "Mau");
        assert_eq!(title_case("shi-tzu2nd"), "Shi-Tzu2Nd");
    }

    #[test]
    fn a_malformed_line_is_named_with_what_was_expected() {
        assert_eq!(
            failure("Bengal_2 6 1"),
            "`test.txt` line 2: expected `NAME_NUMBER CLASS-ID SPECIES BREED-ID`, \
             got `Bengal_2 6 1`"
        );
        assert!(failure("Bengal_2 6 3 1").contains("expected a SPECIES of 1 (cat) or 2 (dog)"));
        assert!(failure("Bengal_2 0 1 1").contains("expected a CLASS-ID from 1"));
        assert!(failure("Bengal_2 10001 1 1").contains("expected a CLASS-ID from 1"));
        assert!(failure("Bengal_2 6 1 x").contains("expected a BREED-ID"));
        assert!(failure("Bengal_2 +6 1 1").contains("expected a CLASS-ID"));
    }

    #[test]
    fn lines_that_are_no_annotation_are_refused() {
        for line in ["", "#Image CLASS-ID SPECIES BREED ID", "Bengal_2 6 1 1 extra", "Bengal 6 1 1"]
        {
            assert!(failure(line).contains("line 2"), "{line}");
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in ["../evil_1", "/etc/passwd_1", "a\\b_1", "..", "_1", "c:evil_1", "a_", "a.b_1"]
        {
            assert!(failure(&format!("{name} 1 1 1")).contains("expected an image name"), "{name}");
        }
    }

    #[test]
    fn of_a_long_line_only_the_start_is_repeated() {
        assert!(failure(&"x".repeat(5000)).len() < 200);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*|[A-z_ 0-9\n]*") {
            let _ = parse(&text, Path::new("x"));
        }
    }
}
