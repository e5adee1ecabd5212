//! Lists of photographs, with existing files, and lists of classes.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// The existing photographs.
const IMAGES: [&str; 4] = ["Abyssinian_1", "Abyssinian_2", "american_bulldog_10", "Maine_Coon_7"];

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = pet_fuzz::scratch();
    let make = |name: &str| fs_err::create_dir(folder.path().join(name)).expect("a new folder");
    ["annotations", "images"].into_iter().for_each(make);
    for image in IMAGES {
        let path = folder.path().join("images").join(format!("{image}.jpg"));
        fs_err::write(path, b"\xff\xd8").expect("a new file");
    }
    folder
});

fuzz_target!(init: pet_fuzz::start("annotations", 32 << 20), |data: &[u8]| {
    // A zero byte separates both lists.
    let mut lists = data.splitn(2, |byte| *byte == 0);
    for name in ["trainval.txt", "test.txt"] {
        let path = FOLDER.path().join("annotations").join(name);
        fs_err::write(path, lists.next().unwrap_or_default()).expect("a written file");
    }
    if let Ok(dataset) = pet_data::oxford::load(FOLDER.path()) {
        for sample in dataset.train.iter().chain(&dataset.test) {
            assert!(sample.class < dataset.classes.len());
            assert!(sample.path.is_file(), "{}", sample.path.display());
        }
    }
    let _ = pet_model::read_classes(&FOLDER.path().join("annotations/trainval.txt"));
});
