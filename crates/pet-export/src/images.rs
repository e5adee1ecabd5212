//! Running models on the images of a data set.

use std::path::Path;

use fs_err as fs;
use pet_data::{Progress, Sample, Unit, task};
use pet_predict::{ImagePredictor, Limits, Prediction};

use crate::Error;

/// Images that are predicted together, between two steps of the progress bar.
const BATCH: usize = 32;

/// Reads an image file, unless it is larger than what would be decoded.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let (got, limit) = (fs::metadata(path)?.len(), Limits::default().bytes);
    if got > limit {
        let path = path.to_owned();
        return Err(Error::ImageSize { path, limit, got });
    }
    Ok(fs::read(path)?)
}

/// Names the image that something is wrong with.
pub(crate) fn at(path: &Path) -> impl Fn(pet_predict::Error) -> Error {
    move |source| Error::Image {
        path: path.to_owned(),
        source,
    }
}

/// What a model says of each image; `what` names the work in the progress.
pub(crate) fn predict(
    predictor: &ImagePredictor,
    images: &[Sample],
    what: &str,
    progress: &dyn Progress,
) -> Result<Vec<Prediction>, Error> {
    task(progress, what, images.len() as u64, Unit::Images, || {
        let mut predictions = Vec::with_capacity(images.len());
        for batch in images.chunks(BATCH) {
            let contents = batch.iter().map(|sample| read(&sample.path));
            let contents = contents.collect::<Result<Vec<_>, _>>()?;
            for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
                predictions.push(prediction.map_err(at(&sample.path))?);
            }
            progress.advance(batch.len() as u64);
        }
        Ok(predictions)
    })
}
