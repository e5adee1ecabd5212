//! Message and hint of every failure.

use mlflow_client::{NewRun, now};
use pet_image::Format;
use pet_tests::{Store, gradient};

use crate::test_dir::TestDir;

/// A command line that fails.
struct Case {
    /// The variant of `Failure`.
    failure: &'static str,
    command: &'static str,
    /// The error message with its causes.
    says: &'static [&'static str],
    /// The hint; empty for none.
    hint: &'static str,
}

const fn case(
    failure: &'static str,
    command: &'static str,
    says: &'static [&'static str],
    hint: &'static str,
) -> Case {
    Case { failure, command, says, hint }
}

const TRAIN: &str =
    "train --backbone backbone.safetensors --dataset folder --data-dir pets --epochs 1";

/// The cases in order, because some change files. `TRAIN` is a training that succeeds.
const CASES: [Case; 42] = [
    // Before any training.
    case("NoModels", "select", &["no model is registered"], "pet-cli train"),
    case("FileNotFound", "predict nowhere.png", &["file not found: `nowhere.png`"], ""),
    case("FileNotFound", "explain nowhere.png", &["file not found: `nowhere.png`"], ""),
    case("File", "predict text.jpg", &["cannot use `text.jpg`", "not a JPEG"], "content counts"),
    case(
        "FileTooLarge",
        "resize good.png 5 5 --max-upload 10",
        &["`good.png`", "more than the limit of 10"],
        "--max-upload",
    ),
    case("Image", "resize good.png 0 10", &["0x10"], ""),
    case("Image", "crop good.png --box 5 5 5 9", &["`5,5,5,9` is empty"], ""),
    case(
        "UnknownExtension",
        "grayscale good.png -o out.tiff",
        &["`out.tiff` is not an image format"],
        "`.png`",
    ),
    case(
        "Model",
        "resize good.png 5 5 -o good.png/out.png",
        &["cannot access a file", "good.png"],
        "there is a file where a folder is needed",
    ),
    case("Model", "explain good.png -o /proc/out.png", &["cannot write to `/proc`"], ""),
    case("Io", "resize pets 5 5", &["pets"], "a folder where a file is"),
    case("NoImages", "predict empty", &["there are no images in `empty`"], ""),
    case("SomeImages", "predict good.png text.jpg", &["1 of 2 images could not be used"], ""),
    case(
        "Predict",
        "predict good.png --model nowhere.onnx",
        &["no model found at `nowhere.onnx`"],
        "pet-cli export",
    ),
    case(
        "Predict",
        "predict good.png --results empty",
        &["no model found at `empty/model.onnx`"],
        "--results",
    ),
    case(
        "Predict",
        "predict good.png --precision int8",
        &["no model found at `results/model.int8.onnx`"],
        "pet-cli export",
    ),
    case(
        "Predict",
        "predict good.png --model text.jpg",
        &["cannot load the model `text.jpg`"],
        "pet-cli export",
    ),
    case(
        "Predict",
        "explain good.png --class Wolf",
        &["the model has no class `Wolf`"],
        "classes.json",
    ),
    case(
        "Serve",
        "serve --port 0 --results nowhere",
        &["the model cannot be served", "`nowhere`"],
        "pet-cli export",
    ),
    case(
        "NotReady",
        "health --port 1",
        &["not ready: `http://127.0.0.1:1/health/ready`"],
        "pet-cli serve",
    ),
    case(
        "Data",
        "evaluate photos",
        &["`photos` contains 0 class folders, expected at least 1"],
        "name the folder above it",
    ),
    case("Data", "evaluate nowhere", &["`nowhere`"], "path"),
    case("Pipeline", "evaluate other", &["the model has no class `Cat`"], "--dataset"),
    case(
        "Pipeline",
        "train --data-dir pets --backbone backbone.safetensors",
        &["`pets` has no `annotations/trainval.txt`"],
        "--dataset folder",
    ),
    case(
        "Pipeline",
        "train --dataset folder --data-dir pets",
        &["no backbone weights at `.cache/backbone/mobilenet_v2.safetensors`"],
        "pet-cli setup",
    ),
    case(
        "Pipeline",
        "TRAIN --validation-fraction 0",
        &["`pets`", "validation"],
        "--validation-fraction",
    ),
    case(
        "Pipeline",
        "TRAIN --max-pixels 10",
        &["images cannot be used", "more than the limit of `10` pixels"],
        "`--max-pixels",
    ),
    case(
        "Pipeline",
        "TRAIN --max-upload 10",
        &["images cannot be used", "more than the limit of 10"],
        "`--max-upload`",
    ),
    case(
        "GridTrials",
        "sweep --method grid --trials 3 --backbone backbone.safetensors --dataset folder --data-dir pets",
        &["`--trials`", "`grid`"],
        "--method random",
    ),
    case("FrozenLayers", "TRAIN --erase 0.2", &["`--erase` has no effect"], "--fine-tune all"),
    case(
        "FailedRuns",
        "TRAIN --learning-rate 1e38",
        &["1 of 1 runs failed"],
        "smaller learning rate",
    ),
    case(
        "Pipeline",
        "evaluate --dataset folder --data-dir pets --split validation --results refit",
        &["a refit of run `abc`"],
        "--split test",
    ),
    case(
        "Pipeline",
        "evaluate --dataset folder --data-dir other",
        &["`other` has no test images"],
        "--split validation",
    ),
    case(
        "DataProblems",
        "data check copies --cache-dir .cache",
        &["`copies` has problems: "],
        "--fail-on",
    ),
    case("Tracking", "runs list --tracking-uri ftp://host", &["ftp://host"], "MLFLOW_TRACKING_URI"),
    case("Tracking", "runs show abc", &["run `abc` does not exist"], "pet-cli runs list"),
    case("Tracking", "models show dogs", &["model `dogs` does not exist"], "pet-cli models list"),
    case(
        "NoVersion",
        "export --precision int8 --version 1",
        &["`--version` has no effect"],
        "--precision both",
    ),
    case(
        "Export",
        "export --precision int8 --results empty --dataset folder --data-dir pets",
        &["`empty` has no `model.onnx`"],
        "--precision both",
    ),
    case("Export", "export --model-name dogs", &["`dogs`"], "pet-cli train"),
    case(
        "SeveralModels",
        "select --tracking-uri sqlite:///two/mlflow.db",
        &["2 models are registered: `dogs`, `stand_in`"],
        "--model-name",
    ),
    case(
        "Setup",
        "setup --cache-dir /proc/nowhere",
        &["`/proc/nowhere/onnxruntime`"],
        "--cache-dir",
    ),
];

/// Failures that are not in the table, and the file that tests them, or why they are not tested.
const ELSEWHERE: [(&str, &str); 10] = [
    ("NotPromoted", "promote.rs"),
    ("NoModel", "needs a program without a built-in model"),
    ("Output", "messages.rs"),
    ("Unsent", "../mlflow/tracking.rs"),
    ("Collector", "traces.rs"),
    ("SeveralConfigurations", "train.rs"),
    ("NoLearningRate", "needs a loss that diverges immediately"),
    ("Signal", "the system accepts all handlers"),
    ("Json", "all keys are strings"),
    ("Report", "drawing does not fail"),
];

/// A folder with the files of the table.
fn dir() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    dir.write("good.png", gradient(60, 40, Format::Png));
    dir.write("text.jpg", "This is a text, whatever its name says.");
    dir.write("photos/1.png", gradient(60, 40, Format::Png));
    fs_err::create_dir(dir.path("empty")).unwrap();
    dir.prepare_training(3);
    for (class, width) in [("Cat", 50), ("Dog", 60)] {
        dir.write(&format!("other/{class}/1.png"), gradient(width, 40, Format::Png));
        // The same image in two classes.
        dir.write(&format!("copies/{class}/1.png"), gradient(60, 40, Format::Png));
    }
    pet_tests::results_folder(&dir.path("refit"));
    dir.write(
        "refit/metrics.json",
        r#"{"dataset": "pets", "params": {"refit_of": "abc"}, "splits": {}}"#,
    );
    fs_err::create_dir(dir.path("two")).unwrap();
    let two = Store::new(&dir.path("two"));
    two.register(1, 0.5);
    let none = std::collections::BTreeMap::new();
    two.client.register_model("dogs", "", &none).unwrap();
    Some(dir)
}

#[test]
fn every_failure_has_its_message_and_hint() {
    let Some(dir) = dir() else { return };
    let wrong: Vec<String> = CASES.iter().filter_map(|case| case.wrong(&dir)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Case {
    /// Runs the command line; `None` if the output is right.
    fn wrong(&self, dir: &TestDir) -> Option<String> {
        let output = dir.run(&self.command.replace("TRAIN", TRAIN));
        let lines: Vec<&str> = output.stderr.lines().collect();
        // The last error is that of the command; others are those of files.
        let start = lines.iter().rposition(|line| line.starts_with("error: "));
        let lines = &lines[start.unwrap_or_default()..];
        let hints = lines.iter().filter_map(|line| line.strip_prefix("hint: "));
        let hints: Vec<&str> = hints.collect();
        let error = lines.join("\n");
        let said = self.says.iter().all(|part| error.contains(part));
        let hinted = match hints[..] {
            [] => self.hint.is_empty(),
            [said] => !self.hint.is_empty() && said.contains(self.hint),
            _ => false,
        };
        let right =
            output.status == Some(1) && said && hinted && !output.stderr.contains("panicked");
        let Case { command, says, hint, .. } = self;
        (!right)
            .then(|| format!("pet-cli {command}\nexpected {says:?}, hint {hint:?}\n{output:?}\n"))
    }
}

#[test]
fn every_failure_is_tested() {
    let source = pet_tests::root().join("crates/pet-cli/src/failure.rs");
    let source = fs_err::read_to_string(source).unwrap();
    let variants = source.split("#[error(").skip(1).map(|text| {
        let mut lines =
            text.lines().skip_while(|line| !line.starts_with("    ") || line.starts_with("     "));
        // Continue after the attribute.
        let name = lines.find(|line| line.trim_start().starts_with(char::is_uppercase));
        let name = name.unwrap().trim();
        let end = name.find(|letter: char| !letter.is_alphanumeric());
        name[..end.unwrap_or(name.len())].to_owned()
    });
    let variants: Vec<String> = variants.collect();
    assert!(variants.len() > 30, "{variants:?}");
    for variant in &variants {
        let tried = CASES.iter().any(|case| case.failure == variant);
        let elsewhere = ELSEWHERE.iter().any(|(name, _)| name == variant);
        assert!(tried != elsewhere, "`{variant}` is to be tried once, here or elsewhere");
    }
    for known in CASES.iter().map(|case| case.failure).chain(ELSEWHERE.map(|(name, _)| name)) {
        assert!(variants.iter().any(|variant| variant == known), "no `{known}`");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let dir = TestDir::new();
    dir.shell("exec \"$PROGRAM\" completions bash > /dev/full")
        .refused()
        .naming(&["cannot write to standard output", "No space left"]);
}

#[test]
fn an_ambiguous_run_id_is_an_error() {
    let dir = TestDir::new();
    let store = Store::new(dir.folder());
    let experiment = store.client.experiment("others").unwrap();
    // With 17 runs, two IDs start with the same of 16 digits.
    let mut firsts: Vec<char> = Vec::new();
    for number in 0..17 {
        let run = NewRun::new(format!("{number}"), now());
        let run = store.client.create_run(&experiment.id, &run).unwrap();
        firsts.extend(run.id.chars().next());
    }
    firsts.sort_unstable();
    let twice = firsts.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    dir.refused(&format!("runs show {twice}")).naming(&[&format!("`{twice}` matches the IDs of ")]);
}

/// clap rejects these with status 2, and prints the argument and its possible values.
#[test]
fn invalid_arguments_are_explained() {
    let dir = TestDir::new();
    for (command, says) in [
        ("predict a.jpg -k 0", "expected an integer of at least 1"),
        ("predict", "<IMAGE>..."),
        ("train --dataset cats", "[possible values: sample, oxford-iiit-pet, folder]"),
        ("train --dataset folder", "--data-dir <DIR>"),
        ("train --recipe letterbox", "letterbox"),
        ("predict a.jpg --precision int4", "[possible values: auto, fp32, int8]"),
        ("serve --port 70000", "70000 is not in 0..=65535"),
        ("serve --memory much", "much"),
        ("export --version 1 --alias best", "cannot be used with"),
        ("evaluate breeds --split test", "cannot be used with"),
        ("barck", "unrecognized subcommand"),
    ] {
        let output = dir.run(command).misused();
        assert!(output.stderr.contains(says), "{command}: no `{says}`: {output:?}");
    }
}
