//! Logs a run to the store of `MLFLOW_TRACKING_URI`, or to `./mlflow.db`.

use mlflow_client::{Batch, Client, Config, NewRun, RunStatus, now};

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
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn show(text: &str) {
    println!("{text}");
}
