//! Measures logging to the store of `MLFLOW_TRACKING_URI`: 10 000 points at once, single ones, and
//! 10 000 points from the spool, where 2500 epochs have left four each.

use mlflow_client::spool::{Recorder, Spool};
use mlflow_client::{Batch, Client, Config, Metric, NewRun, RunStatus, now};
use std::time::Instant;

fn main() -> Result<(), mlflow_client::Error> {
    let client = Client::open(&Config::from_lookup(|name| std::env::var(name).ok())?)?;
    let experiment = client.experiment("throughput")?;
    let run = client.create_run(&experiment.id, &NewRun::new("throughput", now()))?;

    let points = (0..10_000).map(|step| Metric::new("loss", 1.0 / step as f64, now(), step));
    let batch: Batch = points.collect();
    let start = Instant::now();
    client.log_batch(&run.id, &batch)?;
    show(&format!("10000 points at once: {:.3} s", start.elapsed().as_secs_f64()));

    let start = Instant::now();
    for epoch in 0..100 {
        client.log_batch(&run.id, &Batch::new().metric("val_acc", 0.5, now(), epoch))?;
    }
    let each = start.elapsed().as_secs_f64() * 10.0;
    show(&format!("one point by itself: {each:.2} ms"));
    from_the_spool(&client)
}

/// A training whose server was never there, and its sending.
fn from_the_spool(client: &Client) -> Result<(), mlflow_client::Error> {
    let folder = tempfile::tempdir()?;
    let spool = Spool::new(folder.path());
    // Nobody listens there.
    let mut nowhere = Config::new("http://127.0.0.1:9".parse()?);
    nowhere.http.max_retries = 0;
    let run = NewRun::new("spooled", now());
    let recorder = Recorder::start(&Client::open(&nowhere)?, Some(&spool), "throughput", run)?;
    let start = Instant::now();
    for epoch in 0..2500 {
        let batch = ["train_loss", "train_acc", "val_loss", "val_acc"]
            .into_iter()
            .fold(Batch::new(), |batch, key| batch.metric(key, 0.5, now(), epoch));
        recorder.log(&batch)?;
    }
    let each = start.elapsed().as_secs_f64() / 2.5;
    show(&format!("one epoch kept in the spool: {each:.2} ms"));
    recorder.end(RunStatus::Finished)?;
    let start = Instant::now();
    for pending in spool.pending()? {
        let sent = pending.send(client)?;
        let seconds = start.elapsed().as_secs_f64();
        show(&format!("10000 points in {} entries sent: {seconds:.3} s", sent.entries));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn show(text: &str) {
    println!("{text}");
}
