use super::*;

/// A plan whose store does not depend on the environment.
fn plan(dataset: Dataset, data: Option<&str>, server: bool) -> Plan {
    let mut plan = Plan::new(dataset, data.map(Path::new), None, None).unwrap();
    plan.store = (!server).then(|| "/store".into());
    plan
}

/// Shows the command of a stage, with paths relative to the workspace.
fn command(plan: &Plan, stage: Stage) -> String {
    shown(&plan.command(stage))
}

fn shown(command: &Invocation) -> String {
    let program = workspace::program(Profile::Development, "pet-cli");
    let root = format!("{}/", workspace::root().display());
    let command = command.to_string();
    let command = command.replace(&workspace::shown(&program), "pet-cli");
    command.replace(&root, "")
}

#[test]
fn the_sample_stays_in_its_folder() {
    let plan = plan(Dataset::Sample, None, false);
    let start = "PET_RESULTS=target/pipeline/sample/results \
                 MLFLOW_TRACKING_URI=sqlite:////store/mlflow.db pet-cli";
    let data = "--dataset sample --data-dir target/pipeline/sample/data";
    let model = "--model-name sample_pet_classifier";
    for (stage, expected) in [
        (Stage::Setup, "setup".to_owned()),
        (Stage::Train, format!("train {data} --epochs 5 --learning-rate 0.001 0.003 {model}")),
        (Stage::Select, format!("select {model}")),
        (Stage::Export, format!("export {data} --alias challenger {model}")),
        (Stage::Evaluate, format!("evaluate {data} --split all")),
        (
            Stage::Promote,
            format!("promote {data} --output target/pipeline/sample/promotion.json {model}"),
        ),
    ] {
        assert_eq!(command(&plan, stage), format!("{start} {expected}"));
    }
    assert_eq!(
        command(&plan, Stage::Test),
        "PET_RESULTS=target/pipeline/sample/results PET_REQUIRE_RUNTIME=1 cargo test --locked \
         -p pet-cli -p pet-tests --features pet-cli/grpc --test artifacts --test logic --test parity"
    );
    let notes = plan.notes();
    assert!(notes.contains("generated sample"), "{notes}");
    assert!(notes.contains("--dataset oxford-iiit-pet"), "{notes}");
}

#[test]
fn the_real_photos_go_to_results() {
    let plan = plan(Dataset::OxfordIiitPet, None, false);
    assert_eq!(
        command(&plan, Stage::Train),
        format!(
            "PET_RESULTS=results pet-cli train --dataset oxford-iiit-pet {} --model-name oxford_pet_classifier",
            plan.training()
        )
    );
    assert_eq!(plan.output(Stage::Export), "results/model.onnx");
}

#[test]
fn a_server_has_a_model_for_each_data_set() {
    for (dataset, name) in [
        (Dataset::Sample, "sample_pet_classifier"),
        (Dataset::OxfordIiitPet, "oxford_pet_classifier"),
        (Dataset::Folder, "folder_pet_classifier"),
    ] {
        let plan = plan(dataset, None, true);
        for stage in [Stage::Train, Stage::Select, Stage::Export, Stage::Promote] {
            let command = command(&plan, stage);
            assert!(command.contains(&format!("--model-name {name}")), "{command}");
            assert!(!command.contains("MLFLOW_TRACKING_URI"), "{command}");
        }
    }
}

#[test]
fn a_folder_has_a_store_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Dataset::Folder, folder.path().to_str(), false);
    assert!(!command(&plan, Stage::Train).contains("--model-name"));
    assert_eq!(plan.output(Stage::Export), "target/pipeline/folder/results/model.onnx");
}

#[test]
fn promote_gets_the_gate_and_a_rejection_restores_the_champion() {
    let gate = Some(Path::new("/gates/strict.json"));
    let mut plan = Plan::new(Dataset::OxfordIiitPet, None, None, gate).unwrap();
    plan.store = None;
    assert_eq!(
        command(&plan, Stage::Promote),
        "PET_RESULTS=results pet-cli promote --dataset oxford-iiit-pet \
         --output target/pipeline/oxford-iiit-pet/promotion.json \
         --gate /gates/strict.json --model-name oxford_pet_classifier"
    );
    assert_eq!(
        shown(&plan.restore()),
        "PET_RESULTS=results pet-cli export --model-name oxford_pet_classifier"
    );
}

#[test]
fn only_the_selected_stages_are_compiled() {
    let plan = plan(Dataset::Sample, None, false);
    for (only, commands) in
        [(None, 2), (Some(Stage::Train), 1), (Some(Stage::Test), 1), (Some(Stage::Docker), 0)]
    {
        let selection = Selection { only, ..Selection::default() };
        assert_eq!(plan.build(&selection).len(), commands, "{only:?}");
    }
}

#[test]
fn only_the_runs_of_the_sample_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("mlflow.db");
    let artifact = folder.path().join("mlruns/1/model");
    fs_err::create_dir_all(artifact.parent().unwrap()).unwrap();
    fs_err::write(&artifact, "weights").unwrap();
    fs_err::write(&database, "runs").unwrap();
    for (dataset, server, removed) in [
        (Dataset::OxfordIiitPet, false, false),
        (Dataset::Folder, false, false),
        (Dataset::Sample, true, false),
        (Dataset::Sample, false, true),
        // Once more, with nothing to remove.
        (Dataset::Sample, false, true),
    ] {
        let mut plan = plan(dataset, Some("x"), server);
        if !server {
            plan.store = Some(folder.path().to_owned());
        }
        plan.remove_earlier_runs().unwrap();
        assert_eq!(database.exists(), !removed);
        assert_eq!(artifact.exists(), !removed);
    }
}
