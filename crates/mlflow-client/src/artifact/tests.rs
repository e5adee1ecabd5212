use super::folder::FolderArtifacts;
use super::*;
use crate::error::Error;

/// A repository whose listing claims whatever the test wants.
struct Liar(Vec<ArtifactFile>);

impl ArtifactRepository for Liar {
    fn upload(&self, _: &str, _: Content<'_>) -> Result<()> {
        Ok(())
    }
    fn list(&self, _: &str) -> Result<Vec<ArtifactFile>> {
        Ok(self.0.clone())
    }
    fn open(&self, _: &str) -> Result<Box<dyn Read>> {
        Ok(Box::new(&b"evil"[..]))
    }
}

fn file(path: &str) -> ArtifactFile {
    ArtifactFile { path: path.to_owned(), size: Some(4), is_folder: false }
}

#[test]
fn nothing_leaves_the_target_folder() {
    let outer = tempfile::tempdir().unwrap();
    let target = outer.path().join("target");
    for path in ["../x", "/x", "a/../../x", "..", "", "a\\..\\x", "C:x\0", "sub/x"] {
        let artifacts = Artifacts::new(Box::new(Liar(vec![file(path)])));
        let error = artifacts.download_folder("", &target).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{path}: {error}");
    }
    let names: Vec<_> = fs_err::read_dir(outer.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "only the target folder itself");
    assert_eq!(fs_err::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_folder_that_contains_itself_ends() {
    struct Loop;
    impl ArtifactRepository for Loop {
        fn upload(&self, _: &str, _: Content<'_>) -> Result<()> {
            Ok(())
        }
        fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
            Ok(vec![ArtifactFile { path: join(folder, "a"), size: None, is_folder: true }])
        }
        fn open(&self, path: &str) -> Result<Box<dyn Read>> {
            Err(Error::not_found("artifact", path))
        }
    }
    let target = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::new(Box::new(Loop));
    assert!(artifacts.download_folder("", target.path()).is_err());
}

#[test]
fn a_folder_travels_there_and_back() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("from");
    fs_err::create_dir_all(from.join("plots/deep")).unwrap();
    fs_err::write(from.join("a ü%&.txt"), "one").unwrap();
    fs_err::write(from.join("plots/deep/b.bin"), [0, 255, 10]).unwrap();
    let artifacts = Artifacts::new(Box::new(FolderArtifacts::new(place.path().join("store"))));
    assert_eq!(artifacts.list("").unwrap(), []);

    artifacts.upload_folder(&from, "model").unwrap();
    let names: Vec<_> = artifacts.list("model").unwrap();
    assert_eq!(names[0].path, "model/a ü%&.txt");
    assert_eq!((names[0].size, names[0].is_folder), (Some(3), false));
    assert_eq!((names[1].path.as_str(), names[1].is_folder), ("model/plots", true));

    let back = place.path().join("back");
    assert_eq!(artifacts.download_folder("model", &back).unwrap(), 2);
    assert_eq!(fs_err::read(back.join("plots/deep/b.bin")).unwrap(), [0, 255, 10]);
    assert_eq!(fs_err::read(back.join("a ü%&.txt")).unwrap(), b"one");
    assert!(artifacts.open("none").err().unwrap().is_not_found());
}
