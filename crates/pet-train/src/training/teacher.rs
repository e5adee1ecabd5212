//! Knowledge distillation (Hinton et al. 2015).

use std::fmt::Debug;
use std::sync::Arc;

use pet_image::Preprocess;

use super::loss::softmax;
use crate::Error;

/// A trained model for knowledge distillation. It gets the same augmented views as the network (Beyer et al. 2022), with
/// its own preprocessing.
pub trait Teacher: Debug + Send + Sync {
    /// The preprocessing of its input.
    fn recipe(&self) -> &Preprocess;

    /// Computes the logits of one input. The result must be the same on every thread.
    ///
    /// # Errors
    ///
    /// An error stops the training with [`Error::Teacher`].
    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Number of values of the inputs of all teachers.
pub(crate) fn view_values(teachers: &[Arc<dyn Teacher>]) -> usize {
    let lengths = teachers.iter().map(|one| one.recipe().tensor_len());
    lengths.sum()
}

/// The mean of the teachers' probabilities at this temperature, for the concatenated inputs `views`.
pub(crate) fn soft_target(
    teachers: &[Arc<dyn Teacher>],
    mut views: &[f32],
    classes: usize,
    temperature: f32,
) -> Result<Vec<f32>, Error> {
    let mut mean = vec![0.0; classes];
    for teacher in teachers {
        let (view, rest) = views.split_at(teacher.recipe().tensor_len());
        views = rest;
        let answer = teacher.answer(view);
        let answer = answer.map_err(|source| Error::Teacher { source })?;
        if answer.len() != classes || !answer.iter().all(|logit| logit.is_finite()) {
            let got = answer.len();
            return Err(Error::TeacherAnswer { classes, got });
        }
        let share = 1.0 / teachers.len() as f32;
        for (mean, probability) in mean.iter_mut().zip(softmax(&answer, temperature)) {
            *mean += share * probability;
        }
    }
    Ok(mean)
}
