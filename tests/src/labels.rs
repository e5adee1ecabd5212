//! Breeds in file names.

use std::path::Path;

/// The breed that a file of the Oxford-IIIT Pet data set shows: `american_bulldog_146.jpg` an
/// `American Bulldog`.
pub fn breed_of(photograph: &Path) -> String {
    let name = photograph.file_stem().unwrap_or_default().to_string_lossy();
    let breed = name.rsplit_once('_').map_or(name.as_ref(), |(breed, _)| breed);
    let words = breed.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{}", first.to_uppercase(), rest.to_lowercase())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_become_torchvision_classes() {
        assert_eq!(breed_of(Path::new("/a/american_bulldog_146.jpg")), "American Bulldog");
        assert_eq!(breed_of(Path::new("Maine_Coon_1.jpg")), "Maine Coon");
        assert_eq!(breed_of(Path::new("pug_9.jpg")), "Pug");
    }
}
