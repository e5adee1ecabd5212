//! Milliseconds per image of a full training step, forward, backward and optimizer, at batch 16:
//! `cargo run --release -p pet-train --example train_step -- efficientnet_lite0`.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::time::Instant;

use pet_train::network::Architecture;
use pet_train::{Configuration, EpochMetrics, Examples, FineTune, Observer, Trainer, Weights};
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 16;
const STEPS: usize = 8;

/// Grey images, so that nothing but the training is timed.
struct Grey {
    labels: Vec<u32>,
    input_values: usize,
}

impl Examples for Grey {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn input_values(&self) -> usize {
        self.input_values
    }

    fn write(
        &self,
        index: usize,
        _: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), pet_train::Error> {
        input.fill(index as f32 / self.labels.len() as f32);
        Ok(())
    }
}

struct Clock {
    start: Instant,
}

impl Observer for Clock {
    fn epoch(&mut self, _: &EpochMetrics) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }

    fn images(&mut self, count: usize) {
        // The one image that the epoch is judged by.
        if count < BATCH {
            return;
        }
        let milliseconds = self.start.elapsed().as_secs_f64() * 1e3 / count as f64;
        println!("training step, batch {count}: {milliseconds:.1} ms per image");
        self.start = Instant::now();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("mobilenet_v2".into());
    let network = Architecture::named(&name).ok_or("no such network")?;
    let grey = |count| Grey { labels: vec![0; count], input_values: network.recipe.tensor_len() };
    let configuration =
        Configuration { epochs: 1, batch_size: BATCH, ..Configuration::fine_tuning(FineTune::All) };
    let weights = Weights::random_of(network, 0)?;
    let (train, validation) = (grey(BATCH * STEPS), grey(1));
    let trainer =
        Trainer::new(&weights, 37, &train, &configuration).with_validation(Some(&validation));
    let start = Instant::now();
    trainer.run(&mut Clock { start })?;
    Ok(())
}
