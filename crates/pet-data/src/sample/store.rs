use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Options;
use crate::{Dataset, Error, folder};

/// The file that tells a sample from a data set of other origin.
const MARKER: &str = "sample.json";

/// To be raised whenever the same options give other pictures.
const VERSION: u32 = 1;

/// The data set's name.
const NAME: &str = "sample";

/// What a sample folder says about itself.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    options: Options,
    digest: String,
}

/// The sample that is at `root`, if it has these options and nobody has changed it.
pub(super) fn reuse(root: &Path, options: &Options) -> Result<Option<Dataset>, Error> {
    let Some(marker) = marker(root)? else {
        return Ok(None);
    };
    if marker.version != VERSION || marker.options != *options {
        return Ok(None);
    }
    let Ok(dataset) = load(root) else {
        return Ok(None);
    };
    Ok((dataset.digest()? == marker.digest).then_some(dataset))
}

/// Lets `draw` fill a folder beside `root`, and puts it there when it is complete.
pub(super) fn write(
    root: &Path,
    options: &Options,
    draw: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<Dataset, Error> {
    check_replaceable(root)?;
    let beside = root
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    fs_err::create_dir_all(beside)?;
    let temporary = tempfile::Builder::new()
        .prefix(".sample-")
        .tempdir_in(beside)?;

    let new = temporary.path().join("new");
    fs_err::create_dir(&new)?;
    draw(&new)?;
    let marker = Marker {
        version: VERSION,
        options: options.clone(),
        digest: load(&new)?.digest()?,
    };
    let text = serde_json::to_string_pretty(&marker).map_err(std::io::Error::from)?;
    fs_err::write(new.join(MARKER), text + "\n")?;

    if root.exists() {
        fs_err::rename(root, temporary.path().join("old"))?;
    }
    fs_err::rename(&new, root)?;
    load(root)
}

fn load(root: &Path) -> Result<Dataset, Error> {
    Ok(Dataset {
        name: NAME.to_owned(),
        ..folder::load(root)?
    })
}

/// What `root` says about itself; nothing if it is no sample.
fn marker(root: &Path) -> Result<Option<Marker>, Error> {
    let path = root.join(MARKER);
    if !path.is_file() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&fs_err::read(path)?).ok())
}

/// Only a sample, an empty folder or nothing may be replaced.
fn check_replaceable(root: &Path) -> Result<(), Error> {
    if !root.exists() || marker(root)?.is_some() {
        return Ok(());
    }
    let empty = root.is_dir() && fs_err::read_dir(root)?.next().is_none();
    if empty {
        Ok(())
    } else {
        Err(Error::NotASample {
            root: root.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::generate;

    fn options() -> Options {
        Options {
            images_per_class: 2,
            test_images_per_class: 1,
            image_size: 32,
            ..Options::default()
        }
    }

    /// Names in the folder that `root` is in.
    fn beside(root: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(root.parent().unwrap()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_sample_is_loaded_back_and_leaves_nothing_beside() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        let dataset = generate(&root, &options()).unwrap();
        assert_eq!(dataset.name, "sample");
        assert_eq!(dataset.classes, crate::sample::class_names());
        assert_eq!((dataset.train.len(), dataset.test.len()), (12, 6));
        dataset
            .check(&pet_image::Limits::default(), &crate::Silent)
            .unwrap();
        assert_eq!(beside(&root), ["pets"]);
    }

    #[test]
    fn same_seed_same_bytes_and_other_seed_other_bytes() {
        let place = tempfile::tempdir().unwrap();
        let digest = |name: &str, seed| {
            let options = Options { seed, ..options() };
            generate(&place.path().join(name), &options)
                .unwrap()
                .digest()
                .unwrap()
        };
        assert_eq!(digest("one", 1), digest("two", 1));
        assert_ne!(digest("one", 1), digest("three", 2));
    }

    #[test]
    fn more_pictures_leave_the_first_as_they_were() {
        let place = tempfile::tempdir().unwrap();
        let first = |name: &str, count| {
            let options = Options {
                images_per_class: count,
                ..options()
            };
            let dataset = generate(&place.path().join(name), &options).unwrap();
            fs_err::read(&dataset.train[1].path).unwrap()
        };
        assert_eq!(first("few", 2), first("more", 3));
    }

    #[test]
    fn an_untouched_sample_is_used_again_and_a_changed_one_drawn_anew() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        let dataset = generate(&root, &options()).unwrap();
        let picture = &dataset.train[0].path;
        let written = || fs_err::metadata(picture).unwrap().modified().unwrap();

        let before = written();
        generate(&root, &options()).unwrap();
        assert_eq!(written(), before);

        fs_err::write(picture, b"broken").unwrap();
        generate(&root, &options()).unwrap();
        assert!(fs_err::read(picture).unwrap().len() > 100);
    }

    #[test]
    fn other_options_replace_a_sample() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        generate(&root, &options()).unwrap();
        let none = Options {
            test_images_per_class: 0,
            ..options()
        };
        assert!(generate(&root, &none).unwrap().test.is_empty());
        assert_eq!(beside(&root), ["pets"]);
    }

    #[test]
    fn a_folder_of_other_origin_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("precious");
        fs_err::create_dir(&root).unwrap();
        fs_err::write(root.join("work.txt"), b"years").unwrap();
        let error = generate(&root, &options()).unwrap_err();
        assert!(matches!(error, Error::NotASample { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(fs_err::read(root.join("work.txt")).unwrap(), b"years");
        assert_eq!(beside(&root), ["precious"]);
    }

    #[test]
    fn a_drawing_that_fails_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        let error = Error::Fraction { got: 2.0 };
        write(&root, &options(), |folder| {
            fs_err::write(folder.join("half.jpg"), b"half")?;
            Err(error)
        })
        .unwrap_err();
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 0);
    }
}
