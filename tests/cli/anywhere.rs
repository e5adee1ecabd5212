//! Where the program searches for models, libraries and caches.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_image::Format;
use pet_tests::{gradient, results_folder, skipped};

use crate::test_dir::{Output, TRAIN, TestDir};

/// A folder of the user's data, as the program prints it.
const DATA: &str = "home/.local/share/pet-cli";

fn dir() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("good.png", gradient(60, 40, Format::Png));
    Some(dir)
}

/// The program without `PET_CACHE_DIR`.
fn installed(dir: &TestDir, arguments: &str) -> Command {
    let mut command = dir.command(arguments);
    command.env_remove("PET_CACHE_DIR");
    command
}

/// Returns a line of `pet-cli --version`.
fn version_line(command: &mut Command, what: &str) -> String {
    let output = Output::of(command).ok();
    let mut lines = output.lines();
    let line = lines.find_map(|line| line.strip_prefix(&format!("{what}: ")));
    line.unwrap_or_else(|| panic!("no {what}: {output}")).to_owned()
}

/// Links the library of the tests into a folder like one of `pet-cli setup`; `None` if the system provides it.
#[cfg(unix)]
fn link_library(dir: &TestDir, folder: &str) -> Option<PathBuf> {
    let command = dir.command("");
    let mut variables = command.get_envs();
    let library = variables.find_map(|(name, value)| value.filter(|_| name == "ORT_DYLIB_PATH"))?;
    let folder = dir.path(folder);
    fs_err::create_dir_all(&folder).unwrap();
    let link = folder.join("libonnxruntime.so.1.28.0");
    std::os::unix::fs::symlink(library, &link).unwrap();
    Some(link)
}

#[cfg(feature = "built-in-model")]
#[test]
fn the_built_in_model_is_the_default() {
    let Some(dir) = dir() else { return };
    let before = dir.files();
    assert!(version_line(&mut dir.command("--version"), "model").starts_with("built in: "));
    let answer = dir.run("predict good.png").ok();
    assert!(answer.starts_with("Predicted class: "), "{answer}");
    // The same model in a folder predicts the same.
    let committed = pet_tests::root().join("results");
    let named = dir.run(&format!("predict good.png --results {}", committed.display()));
    assert_eq!(named.ok(), answer);
    let listed = dir.run("models list").ok();
    assert!(listed.contains("built in: "), "{listed}");
    assert_eq!(dir.files(), before, "nothing is unpacked");
    dir.run("explain good.png -o heat.png").ok();
    assert!(dir.path("heat.png").is_file());
    dir.refused("predict good.png --precision fp32")
        .naming(&["built in/model.onnx"])
        .hinting("--results");
}

#[cfg(feature = "built-in-model")]
#[test]
fn evaluating_the_built_in_model_writes_nothing() {
    let Some(dir) = dir() else { return };
    for class in ["Beagle", "Pug"] {
        dir.write(&format!("pets/test/{class}/1.png"), gradient(60, 40, Format::Png));
        for number in 1..4 {
            let name = format!("pets/train/{class}/{number}.png");
            dir.write(&name, gradient(60 + number, 40, Format::Png));
        }
    }
    let before = dir.files();
    let output = dir.run("evaluate --dataset folder --data-dir pets");
    assert!(output.ok().starts_with("test, int8: 2 images"));
    assert_eq!(dir.files(), before);
}

#[test]
fn a_folder_with_a_model_has_priority() {
    let Some(dir) = dir() else { return };
    // A folder without a model is ignored.
    dir.write("results/notes.txt", "of another project");
    let model = |dir: &TestDir| version_line(&mut dir.command("--version"), "model");
    assert!(!model(&dir).starts_with("results"), "{}", model(&dir));
    let of_the_user = dir.path(DATA).join("results");
    results_folder(&of_the_user);
    assert!(model(&dir).starts_with(&*of_the_user.to_string_lossy()));
    dir.run("predict good.png").ok();
    results_folder(&dir.path("results"));
    assert!(model(&dir).starts_with("results: "));
    let named = version_line(dir.command("--version").env("PET_RESULTS", "nowhere"), "model");
    assert!(named.contains("`nowhere"), "{named}");
}

#[cfg(unix)]
#[test]
fn the_library_is_found_in_the_user_data_folder() {
    let Some(dir) = dir() else { return };
    results_folder(&dir.path("results"));
    let folder = format!("{DATA}/onnxruntime/1.28.0");
    let Some(link) = link_library(&dir, &folder) else {
        return skipped("the library is found by the system only");
    };
    let mut command = installed(&dir, "predict good.png");
    Output::of(command.env_remove("ORT_DYLIB_PATH")).ok();
    let mut command = installed(&dir, "--version");
    let found = version_line(command.env_remove("ORT_DYLIB_PATH"), "ONNX Runtime");
    assert_eq!(Path::new(&found), link);
    // The specification says to ignore relative paths.
    let elsewhere = command.env("XDG_DATA_HOME", "relative");
    assert_eq!(Path::new(&version_line(elsewhere, "ONNX Runtime")), link);
    let elsewhere = command.env("XDG_DATA_HOME", dir.path("elsewhere"));
    assert_ne!(Path::new(&version_line(elsewhere, "ONNX Runtime")), link);
}

#[cfg(unix)]
#[test]
fn an_installed_wheel_finds_the_library_of_its_environment() {
    let Some(dir) = dir() else { return };
    let packages = "env/lib/python3.13/site-packages/onnxruntime/capi";
    let Some(link) = link_library(&dir, packages) else {
        return skipped("the library is found by the system only");
    };
    fs_err::create_dir_all(dir.path("env/bin")).unwrap();
    let program = dir.path("env/bin/pet-cli");
    // The program would follow a link to where it was built.
    fs_err::copy(dir.command("").get_program(), &program).unwrap();
    let mut command = installed(&dir, "--version");
    let mut moved = Command::new(&program);
    moved.arg("--version").current_dir(dir.folder());
    for (name, value) in command.env_remove("ORT_DYLIB_PATH").get_envs() {
        match value {
            Some(value) => moved.env(name, value),
            None => moved.env_remove(name),
        };
    }
    assert_eq!(Path::new(&version_line(&mut moved, "ONNX Runtime")), link);
}

#[test]
fn a_missing_library_is_reported_with_the_searched_paths() {
    let dir = TestDir::new();
    dir.write("good.png", gradient(60, 40, Format::Png));
    let mut command = installed(&dir, "predict good.png");
    let output = Output::of(&mut command);
    if output.status == Some(0) {
        return skipped("the system has the library");
    }
    let of_the_user = dir.path(DATA).join("onnxruntime");
    let of_the_user = format!("`{}`", of_the_user.display());
    output
        .refused()
        .naming(&["ONNX Runtime was not found", &of_the_user, "library path"])
        .hinting("`pet-cli setup`");
}

#[test]
fn a_workspace_is_found_from_its_subfolders() {
    let Some(dir) = dir() else { return };
    dir.write("clone/crates/pet-cli/Cargo.toml", "");
    let inside = dir.path("clone/docs/images");
    fs_err::create_dir_all(&inside).unwrap();
    results_folder(&dir.path("clone/results"));
    let mut command = installed(&dir, "--version");
    let command = command.current_dir(&inside);
    let results = dir.path("clone/results");
    assert!(version_line(command, "model").starts_with(&*results.to_string_lossy()));
    let cache = version_line(command, "cache");
    assert_eq!(Path::new(&cache), dir.path("clone/.cache"));
    let mut command = installed(&dir, "--version");
    assert_eq!(version_line(command.current_dir(dir.path("clone")), "cache"), ".cache");
    let mut command = installed(&dir, "--version");
    let outside = version_line(&mut command, "cache");
    assert_eq!(Path::new(&outside), dir.path("home/.cache/pet-cli"));
}

/// Features go to the user's cache, and only runs into the current folder.
#[cfg(feature = "training")]
#[test]
fn training_outside_a_workspace_uses_the_user_cache() {
    let dir = TestDir::with_training(3);
    Output::of(&mut installed(&dir, &format!("{TRAIN} --epochs 1"))).ok();
    assert!(dir.path("home/.cache/pet-cli/features").is_dir());
    assert!(!dir.path(".cache").exists());
}
