//! Logs a run to the store of `MLFLOW_TRACKING_URI`, or to `./mlflow.db`, and shows the history of the best one so far.

use mlflow_client::{Batch, Client, Config, NewRun, RunQuery, RunStatus, now};

fn main() -> Result<(), mlflow_client::Error> {
    let config = Config::from_lookup(|name| std::env::var(name).ok())?;
    let client = Client::open(&config)?;
    let experiment = client.experiment(config.experiment_name.as_deref().unwrap_or("digits"))?;
    let run = client.create_run(&experiment.id, &NewRun::new("first try", now()))?;
    client.log_batch(&run.id, &Batch::new().param("learning_rate", 0.001))?;
    for epoch in 0..10 {
        let loss = 1.0 / (1.0 + epoch as f64);
        client.log_batch(&run.id, &Batch::new().metric("loss", loss, now(), epoch))?;
    }
    client.artifacts(&run.artifact_uri)?.upload_bytes(b"it works", "notes.txt")?;
    client.update_run(&run.id, RunStatus::Finished, Some(now()))?;
    show(&format!("run {} in {}", run.id, client.tracking_uri()));

    let query = RunQuery::new(&experiment.id)
        .filter("status = 'FINISHED'")
        .order_by("metrics.loss ASC")
        .page_size(1);
    if let Some(best) = client.search_runs(&query).next().transpose()? {
        show(&format!("the lowest loss is that of {} `{}`", best.id, best.name));
        for point in client.metric_history(&best.id, "loss")? {
            show(&format!("step {}: loss {:.4}", point.step, point.value));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn show(text: &str) {
    println!("{text}");
}
