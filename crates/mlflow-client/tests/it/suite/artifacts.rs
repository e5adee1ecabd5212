//! Files of runs.

use super::start;
use mlflow_client::Client;

pub(super) fn run(client: &Client) {
    let run = start(client, "artifacts", "keeper", 1);
    let artifacts = client.artifacts(&run.artifact_uri).unwrap();
    assert_eq!(artifacts.list("").unwrap(), []);
    let place = tempfile::tempdir().unwrap();
    let large = place.path().join("large.bin");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    fs_err::write(&large, &bytes).unwrap();
    artifacts.upload_file(&large, "deep/er/large ü%&+;.bin").unwrap();
    artifacts.upload_bytes(b"one", "classes.json").unwrap();
    artifacts.upload_bytes(b"two!", "classes.json").unwrap();
    artifacts.upload_bytes(b"", "empty.txt").unwrap();

    let root = artifacts.list("").unwrap();
    let shown: Vec<_> = root.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(shown, [("classes.json", Some(4)), ("deep", None), ("empty.txt", Some(0))]);
    let deep = artifacts.list("deep/er").unwrap();
    assert_eq!(deep[0].path, "deep/er/large ü%&+;.bin");

    let target = place.path().join("back");
    assert_eq!(artifacts.download_folder("", &target).unwrap(), 3);
    assert!(fs_err::read(target.join("deep/er/large ü%&+;.bin")).unwrap() == bytes);
    assert_eq!(fs_err::read(target.join("classes.json")).unwrap(), b"two!");
    let missing = artifacts.download_file("none.json", &place.path().join("none")).unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    assert!(!place.path().join("none").exists());
    assert!(artifacts.upload_bytes(b"x", "../x").is_err());
}
