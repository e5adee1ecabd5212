//! Images to send.

use std::path::PathBuf;

use pet_tests::{shared_data, skipped};

/// The test images of the Oxford-IIIT Pet data set, ordered by breed; without them the test is skipped.
pub(crate) fn test_images() -> Option<Vec<PathBuf>> {
    let folder = shared_data().join("oxford-iiit-pet");
    let Ok(list) = fs_err::read_to_string(folder.join("annotations/test.txt")) else {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    };
    let names = list.lines().filter_map(|line| line.split(' ').next());
    let file = |name| folder.join("images").join(name).with_extension("jpg");
    let mut files: Vec<_> = names.map(file).collect();
    files.sort();
    Some(files)
}
