//! Measures logging to the store of `MLFLOW_TRACKING_URI`: 10 000 points at once, then single ones.

use mlflow_client::{Batch, Client, Config, Metric, NewRun, now};
use std::time::Instant;

fn main() -> Result<(), mlflow_client::Error> {
    let client = Client::open(&Config::from_lookup(|name| std::env::var(name).ok())?)?;
    let experiment = client.experiment("throughput")?;
    let run = client.create_run(&experiment.id, &NewRun::new("throughput", now()))?;

    let points = (0..10_000).map(|step| Metric::new("loss", 1.0 / step as f64, now(), step));
    let batch = Batch {
        metrics: points.collect(),
        ..Batch::new()
    };
    let start = Instant::now();
    client.log_batch(&run.id, &batch)?;
    show(&format!(
        "10000 points at once: {:.3} s",
        start.elapsed().as_secs_f64()
    ));

    let start = Instant::now();
    for epoch in 0..100 {
        client.log_batch(&run.id, &Batch::new().metric("val_acc", 0.5, now(), epoch))?;
    }
    let each = start.elapsed().as_secs_f64() * 10.0;
    show(&format!("one point by itself: {each:.2} ms"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn show(text: &str) {
    println!("{text}");
}
