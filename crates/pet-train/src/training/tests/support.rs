//! Small examples, and observers.

use std::error::Error as StdError;
use std::sync::Arc;

use pet_image::Preprocess;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::architecture::FEATURES;
use crate::{
    Checkpoint, Configuration, EpochMetrics, Error, Examples, Features, Interrupt, Observer,
    Teacher, Trained, Trainer, Weights,
};

pub(super) const CLASSES: usize = 3;

/// Noise with one raised feature for each of three classes.
pub(super) fn features(images: usize, seed: u64) -> Features {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<u32> = (0..images as u32).map(|image| image % CLASSES as u32).collect();
    let mut values = Vec::new();
    for label in &labels {
        let start = values.len();
        values.extend((0..FEATURES).map(|_| generator.random_range(0.0..1.0_f32)));
        values[start + *label as usize] += 6.0;
    }
    Features { values, mirrored: None, length: FEATURES, labels }
}

/// Squares with a colour per class, and new noise each time.
pub(super) struct Squares {
    pub(super) labels: Vec<u32>,
    side: usize,
    teachers: Vec<Arc<dyn Teacher>>,
}

impl Squares {
    /// Of 32 pixels.
    pub(super) fn new(count: usize) -> Self {
        Self::sized(count, 32)
    }

    pub(super) fn sized(count: usize, side: usize) -> Self {
        let labels = (0..count as u32).map(|image| image % CLASSES as u32);
        Self { labels: labels.collect(), side, teachers: Vec::new() }
    }

    /// Adds teachers that classify by colour.
    pub(super) fn with_teachers(self, teachers: usize) -> Self {
        let teacher = Arc::new(Colours(Preprocess::imagenet().with_size(self.side as u32)));
        let teachers = (0..teachers).map(|_| teacher.clone() as Arc<dyn Teacher>);
        Self { teachers: teachers.collect(), ..self }
    }
}

/// Classifies a square by the plane with the highest mean.
#[derive(Debug)]
struct Colours(Preprocess);

impl Teacher for Colours {
    fn recipe(&self) -> &Preprocess {
        &self.0
    }

    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn StdError + Send + Sync>> {
        let planes = input.chunks_exact(input.len() / CLASSES);
        let mean = |plane: &[f32]| plane.iter().sum::<f32>() / plane.len() as f32;
        Ok(planes.map(mean).collect())
    }
}

impl Examples for Squares {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn input_values(&self) -> usize {
        3 * self.side * self.side
    }

    fn teachers(&self) -> &[Arc<dyn Teacher>] {
        &self.teachers
    }

    fn write(
        &self,
        index: usize,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let (input, views) = input.split_at_mut(self.input_values());
        let planes = input.chunks_exact_mut(self.side * self.side);
        for (plane, values) in planes.enumerate() {
            values.fill(if index % CLASSES == plane { 2.0 } else { -1.0 });
        }
        if let Some(random) = random {
            let noise = input.iter_mut();
            noise.for_each(|value| *value += random.random_range(-0.5..0.5));
        }
        let views = views.chunks_exact_mut(input.len());
        views.for_each(|view| view.copy_from_slice(input));
        Ok(())
    }
}

/// Counts the images, and interrupts the training after a number of reports.
#[derive(Default)]
pub(super) struct Watch {
    /// The initial weights, by default a random MobileNetV2.
    pub(super) weights: Option<Weights>,
    pub(super) images: usize,
    stop_after: Option<usize>,
    interrupt: Interrupt,
    reports: usize,
}

impl Observer for Watch {
    fn epoch(&mut self, _: &EpochMetrics) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(())
    }

    fn images(&mut self, count: usize) {
        self.images += count;
        self.reports += 1;
        if Some(self.reports) == self.stop_after {
            self.interrupt.set();
        }
    }
}

impl Watch {
    pub(super) fn stopping_after(reports: usize) -> Self {
        Self { stop_after: Some(reports), ..Self::default() }
    }

    /// Trains on squares or features.
    pub(super) fn train(
        &mut self,
        examples: [&dyn Examples; 2],
        configuration: &Configuration,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Trained, Error> {
        let start = match &self.weights {
            Some(weights) => weights.clone(),
            None => Weights::random(7)?,
        };
        Trainer::new(&start, CLASSES, examples[0], configuration)
            .with_validation(Some(examples[1]))
            .with_checkpoint(checkpoint)
            .with_interrupt(&self.interrupt)
            .run(self)
    }
}

/// Trains on features without validation.
pub(super) fn train_unvalidated(configuration: &Configuration) -> Result<Trained, Error> {
    let (weights, train) = (Weights::random(7)?, features(90, 1));
    Trainer::new(&weights, CLASSES, &train, configuration).run(&mut ())
}

/// Trains on squares or features until the end.
pub(super) fn train(
    examples: [&dyn Examples; 2],
    configuration: &Configuration,
) -> Result<Trained, Error> {
    Watch::default().train(examples, configuration, None)
}
