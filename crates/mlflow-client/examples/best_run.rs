//! Finds the run with the lowest loss in the store of `MLFLOW_TRACKING_URI`, or in `./mlflow.db`, and
//! shows its history. `track` logs one.

use mlflow_client::{Client, Config, RunQuery};

fn main() -> Result<(), mlflow_client::Error> {
    let config = Config::from_lookup(|name| std::env::var(name).ok())?;
    let client = Client::open(&config)?;
    let experiment = client.experiment(config.experiment_name.as_deref().unwrap_or("digits"))?;
    let query = RunQuery::new(&experiment.id)
        .filter("status = 'FINISHED'")
        .order_by("metrics.loss ASC")
        .page_size(1);
    let Some(best) = client.search_runs(&query).next().transpose()? else {
        show(&format!("no run in the experiment `{}`", experiment.name));
        return Ok(());
    };
    let started = best.start_time.map_or("-".to_owned(), |time| time.to_string());
    show(&format!("{} `{}`, started {started}", best.id, best.name));
    for point in client.metric_history(&best.id, "loss")? {
        show(&format!("step {}: loss {:.4}", point.step, point.value));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn show(text: &str) {
    println!("{text}");
}
