//! Tests of the plan.

use super::*;

/// A plan whose tracking store does not depend on the environment of the tests.
fn plan(dataset: Dataset, data: Option<&str>, server: bool) -> Plan {
    let mut plan = Plan::new(dataset, data.map(Path::new), None, None).unwrap();
    plan.store = (!server).then(|| "/store".into());
    plan
}

fn command(plan: &Plan, stage: Stage) -> String {
    let shown = plan.command(stage).to_string();
    // The target folder may lie elsewhere.
    let program = workspace::program(Profile::Development, "pet-cli");
    let program = workspace::shown(&program) + " ";
    let arguments = shown.strip_prefix(&program).unwrap_or(&shown);
    arguments.replace(&format!("{}/", workspace::root().display()), "")
}

#[test]
fn the_sample_stays_in_its_folder() {
    let plan = plan(Dataset::Sample, None, false);
    assert_eq!(
        command(&plan, Stage::Train),
        "train --dataset sample --data-dir target/pipeline/sample/data --epochs 5 \
         --learning-rate 0.001 0.003 --tracking-uri sqlite:////store/mlflow.db"
    );
    assert_eq!(
        command(&plan, Stage::Select),
        "select --tracking-uri sqlite:////store/mlflow.db"
    );
    assert_eq!(
        command(&plan, Stage::Export),
        "export --alias challenger --dataset sample --data-dir target/pipeline/sample/data \
         --tracking-uri sqlite:////store/mlflow.db --results target/pipeline/sample/results"
    );
    assert_eq!(
        command(&plan, Stage::Evaluate),
        "evaluate --dataset sample --data-dir target/pipeline/sample/data --split all \
         --tracking-uri sqlite:////store/mlflow.db --results target/pipeline/sample/results"
    );
    let promote = "promote --dataset sample --data-dir target/pipeline/sample/data \
                   --output target/pipeline/sample/promotion.json";
    assert_eq!(
        command(&plan, Stage::Promote),
        format!("{promote} --tracking-uri sqlite:////store/mlflow.db")
    );
    assert_eq!(
        command(&plan, Stage::Test),
        "PET_RESULTS=target/pipeline/sample/results PET_REQUIRE_RUNTIME=1 cargo test --locked \
         -p pet-cli -p pet-tests --test artifacts --test logic --test parity"
    );
    let announcement = plan.announcement();
    assert!(announcement.contains("generated sample"), "{announcement}");
    assert!(
        announcement.contains("--dataset oxford-iiit-pet"),
        "{announcement}"
    );
}

#[test]
fn the_real_photographs_go_to_results() {
    let plan = plan(Dataset::OxfordIiitPet, None, false);
    assert_eq!(
        command(&plan, Stage::Train),
        format!(
            "train --dataset oxford-iiit-pet {} --model-name oxford_pet_classifier",
            plan.training()
        )
    );
    assert_eq!(
        command(&plan, Stage::Export),
        "export --alias challenger --dataset oxford-iiit-pet --model-name oxford_pet_classifier --results results"
    );
    assert_eq!(plan.output(Stage::Export), "results/model.onnx");
}

#[test]
fn cartoons_have_a_name_of_their_own_on_a_server() {
    let sample = plan(Dataset::Sample, None, true);
    for stage in [Stage::Train, Stage::Select, Stage::Export, Stage::Promote] {
        let command = command(&sample, stage);
        assert!(
            command.contains("--model-name sample_pet_classifier"),
            "{command}"
        );
        assert!(!command.contains("--tracking-uri"), "{command}");
    }
    let real = plan(Dataset::OxfordIiitPet, None, true);
    assert_eq!(
        command(&real, Stage::Select),
        "select --model-name oxford_pet_classifier"
    );
}

#[test]
fn a_folder_without_test_images_is_measured_on_validation() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Dataset::Folder, folder.path().to_str(), false);
    assert!(command(&plan, Stage::Evaluate).contains("--split validation"));
    fs_err::create_dir(folder.path().join("test")).unwrap();
    assert!(command(&plan, Stage::Evaluate).contains("--split all"));
    assert_eq!(
        plan.output(Stage::Export),
        "target/pipeline/folder/results/model.onnx"
    );
}

#[test]
fn a_gate_is_handed_on_and_what_is_refused_leaves_the_results() {
    let gate = Some(Path::new("/gates/strict.json"));
    let mut plan = Plan::new(Dataset::OxfordIiitPet, None, None, gate).unwrap();
    plan.store = None;
    assert_eq!(
        command(&plan, Stage::Promote),
        "promote --dataset oxford-iiit-pet --output target/pipeline/oxford-iiit-pet/promotion.json \
         --gate /gates/strict.json --model-name oxford_pet_classifier"
    );
    let restore = plan.restore().to_string();
    assert!(
        restore.contains(" export --model-name oxford_pet_classifier --results "),
        "{restore}"
    );
    assert!(!restore.contains("challenger"), "{restore}");
}

#[test]
fn only_what_runs_is_compiled() {
    let plan = plan(Dataset::Sample, None, false);
    let built = |only| {
        let selection = Selection {
            only,
            ..Selection::default()
        };
        plan.build(&selection).len()
    };
    assert_eq!(built(None), 2);
    assert_eq!(built(Some(Stage::Train)), 1);
    assert_eq!(built(Some(Stage::Test)), 1);
    assert_eq!(built(Some(Stage::Docker)), 0);
}

#[test]
fn only_the_samples_own_store_is_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("mlflow.db");
    let artifact = folder.path().join("mlruns/1/model");
    let fill = || {
        fs_err::create_dir_all(artifact.parent().unwrap()).unwrap();
        fs_err::write(&artifact, "weights").unwrap();
        fs_err::write(&database, "runs").unwrap();
    };
    fill();
    for (dataset, server, emptied) in [
        (Dataset::OxfordIiitPet, false, false),
        (Dataset::Folder, false, false),
        (Dataset::Sample, true, false),
        (Dataset::Sample, false, true),
    ] {
        let mut plan = plan(dataset, Some("x"), server);
        if !server {
            plan.store = Some(folder.path().to_owned());
        }
        plan.begin_anew().unwrap();
        assert_eq!(database.exists(), !emptied);
        assert_eq!(artifact.exists(), !emptied);
    }
    plan(Dataset::Sample, None, false).begin_anew().unwrap();
}
