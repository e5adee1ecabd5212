//! Trained models whose answers are learned besides the labels (Hinton et al. 2015).

use std::fmt::Debug;
use std::sync::Arc;

use pet_image::Preprocess;

use super::loss::softmax;
use crate::Error;

/// A trained model. It is shown the very views that the network learns from, each fitted and normalized as the model
/// knows photographs (Beyer et al. 2022: what it makes of other views teaches less).
pub trait Teacher: Debug + Send + Sync {
    /// From a photograph to its input.
    fn recipe(&self) -> &Preprocess;

    /// What it answers to one input: one number (logit) for each class. The same input has to get the same answer on
    /// every thread.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering; training then stops with [`Error::Teacher`].
    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>>;
}

/// How many numbers the views of all teachers have.
pub(crate) fn view_values(teachers: &[Arc<dyn Teacher>]) -> usize {
    let lengths = teachers.iter().map(|one| one.recipe().tensor_len());
    lengths.sum()
}

/// The mean of the teachers' probabilities at this temperature. `views` has the view of each, one after the other.
pub(crate) fn ask(
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
