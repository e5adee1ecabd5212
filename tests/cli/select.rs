//! The choice between accuracy and speed.

use mlflow_client::{Batch, now};
use pet_model::{BEST_VAL_ACC, MULTIPLY_ADDS};

use crate::test_dir::TestDir;

const TRAIN: &str =
    "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1 --json";

#[test]
fn a_smaller_image_size_can_be_preferred() {
    let dir = TestDir::new();
    dir.prepare_training(5);
    let client = dir.client();
    let work: Vec<u64> = [("stretch:32", 0.92), ("stretch:64", 0.94)]
        .into_iter()
        .map(|(recipe, val_acc)| {
            let trained = dir.run(&format!("{TRAIN} --recipe {recipe}")).json();
            let run_id = trained[0]["run_id"].as_str().unwrap();
            // So few images decide nothing, so the accuracy is set here.
            let batch = Batch::new().metric(BEST_VAL_ACC, val_acc, now(), 1);
            client.log_batch(run_id, &batch).unwrap();
            let run = client.run(run_id).unwrap();
            run.params[MULTIPLY_ADDS].parse().unwrap()
        })
        .collect();
    assert_eq!(work[1], 4 * work[0], "four times the pixels");

    for (preference, version) in [("accuracy", "2"), ("balanced", "2"), ("speed", "1")] {
        let selected = dir.run(&format!("select --prefer {preference} --json")).json();
        assert_eq!(selected["version"], version, "{selected}");
        assert_eq!(selected["candidates"].as_array().unwrap().len(), 2);
    }
    let table = dir.run("select --prefer speed").ok();
    assert!(table.contains("multiply-adds") && table.contains("fewest multiply-adds"), "{table}");
    let model = client.registered_models().next().unwrap().unwrap();
    assert_eq!(model.aliases["challenger"], 1);
}
