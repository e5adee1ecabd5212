use std::fmt::Display;
use std::path::PathBuf;

/// An image that cannot be read or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableImage {
    /// The image file.
    pub path: PathBuf,
    /// The reason, in words.
    pub reason: String,
}

impl Display for UnreadableImage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` ({})", self.path.display(), self.reason)
    }
}

/// Why an image of a data set cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The image cannot be decoded.
    #[error(transparent)]
    Image(#[from] pet_image::Error),
}

impl ReadError {
    /// The error and its causes on one line, without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io(error) => file_reason(error),
            Self::Image(error) => causes(error).collect::<Vec<_>>().join(": "),
        }
    }
}

/// Why a file cannot be read, in a few words without its path.
pub fn file_reason(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        return "file not found".into();
    }
    // Only the other errors in the chain name the path.
    causes(error).last().unwrap_or_default()
}

/// The texts of an error and its causes.
fn causes(error: &(dyn std::error::Error + 'static)) -> impl Iterator<Item = String> {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(ToString::to_string)
}

/// A mirror from which an archive could not be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorFailure {
    /// Address of the mirror.
    pub mirror: String,
    /// The reason, in words.
    pub reason: String,
}

impl Display for MirrorFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` ({})", self.mirror, self.reason)
    }
}

/// The first `limit` items, and the number of further ones.
pub(super) fn listed(items: impl IntoIterator<Item = impl Display>, limit: usize) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(limit).map(|item| item.to_string()).collect();
    match items.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {

    use crate::Error;

    fn missing(count: usize) -> Error {
        let images = (1..=count).map(|number| format!("images/Pug_{number}.jpg").into()).collect();
        Error::MissingImages { path: "annotations".into(), total: 50, images }
    }

    #[test]
    fn few_missing_images_are_all_named() {
        assert_eq!(
            missing(2).to_string(),
            "2 of 50 images named in `annotations` are missing: \
             `images/Pug_1.jpg`, `images/Pug_2.jpg`"
        );
    }

    #[test]
    fn of_many_missing_images_ten_are_named_and_the_rest_counted() {
        let text = missing(13).to_string();
        assert!(text.starts_with("13 of 50 images"), "{text}");
        assert!(text.ends_with("`images/Pug_10.jpg` and 3 more"), "{text}");
    }
}
