//! The metadata inside `model.onnx`.

use std::collections::BTreeMap;

use pet_image::Preprocess;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::classes::check_classes;
use crate::{Error, Precision, Reference};

/// Incremented with every incompatible change.
const FORMAT: &str = "1";

const FORMAT_KEY: &str = "pet.format";
const MODEL_NAME_KEY: &str = "pet.model_name";
const MODEL_VERSION_KEY: &str = "pet.model_version";
const RUN_ID_KEY: &str = "pet.run_id";
const BACKBONE_KEY: &str = "pet.backbone";
const PRECISION_KEY: &str = "pet.precision";
const VAL_ACC_KEY: &str = "pet.val_acc";
const LEAST_SIMILARITY_KEY: &str = "pet.least_similarity";
const REFERENCE_KEY: &str = "pet.reference";
const CLASSES_KEY: &str = "pet.classes";
const TEMPERATURE_KEY: &str = "pet.temperature";
const PREPROCESS_KEY: &str = "pet.preprocess";

/// What is needed to serve a model and to trace its origin.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelMetadata {
    /// Name in the model registry, such as `oxford_pet_classifier`.
    pub model_name: String,
    /// Version in the model registry; absent before registration.
    pub model_version: Option<String>,
    /// The tracked run that trained it.
    pub run_id: Option<String>,
    /// The network without its classifier, such as `mobilenet_v2`.
    pub backbone: Option<String>,
    /// Numeric precision; [`Precision::Fp32`] if absent in the file.
    pub precision: Precision,
    /// Accuracy on the validation split, 0 to 1.
    pub val_acc: Option<f64>,
    /// Temperature by which the output is divided before softmax to calibrate the confidence (Guo et al., "On
    /// Calibration of Modern Neural Networks", 2017); finite and above 0, 1 if absent.
    pub temperature: Option<f64>,
    /// Similarity threshold, -1 to 1: an image that is less similar to every class is probably of none. Absent if the
    /// model has no output [`SIMILARITY_NAME`](crate::SIMILARITY_NAME).
    pub least_similarity: Option<f64>,
    /// Predictions on representative images, as a reference for drift detection.
    pub reference: Option<Reference>,
    /// Class names in the order of the output's columns.
    pub classes: Vec<String>,
    /// From image bytes to the input tensor.
    pub preprocess: Preprocess,
}

impl ModelMetadata {
    /// Metadata with the required fields only.
    pub fn new(
        model_name: impl Into<String>,
        classes: Vec<String>,
        preprocess: Preprocess,
    ) -> Self {
        Self {
            model_name: model_name.into(),
            model_version: None,
            run_id: None,
            backbone: None,
            precision: Precision::default(),
            val_acc: None,
            temperature: None,
            least_similarity: None,
            reference: None,
            classes,
            preprocess,
        }
    }

    /// Sets the version in the model registry.
    #[must_use]
    pub fn with_model_version(mut self, version: impl Into<String>) -> Self {
        self.model_version = Some(version.into());
        self
    }

    /// Sets the run that trained the model.
    #[must_use]
    pub fn with_run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// Sets the network without its classifier.
    #[must_use]
    pub fn with_backbone(mut self, backbone: impl Into<String>) -> Self {
        self.backbone = Some(backbone.into());
        self
    }

    /// Sets the numeric precision.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets the accuracy on the validation split, 0 to 1.
    #[must_use]
    pub fn with_val_acc(mut self, val_acc: f64) -> Self {
        self.val_acc = Some(val_acc);
        self
    }

    /// Sets the temperature.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets the similarity threshold, -1 to 1.
    #[must_use]
    pub fn with_least_similarity(mut self, least: f64) -> Self {
        self.least_similarity = Some(least);
        self
    }

    /// Sets the reference for drift detection.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// The metadata without what is measured for each model file separately, so that the files of one version differ in
    /// precision only.
    #[must_use]
    pub fn without_measurements(mut self) -> Self {
        self.least_similarity = None;
        self.reference = None;
        self
    }

    /// The metadata as ONNX metadata properties. Equal metadata gives equal properties.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidClasses`], [`Error::InvalidTemperature`], [`Error::InvalidSimilarity`] or
    /// [`Error::InvalidReference`] for invalid values.
    pub fn to_properties(&self) -> Result<BTreeMap<String, String>, Error> {
        self.check()?;
        let mut properties = BTreeMap::from([
            (FORMAT_KEY.into(), FORMAT.into()),
            (MODEL_NAME_KEY.into(), self.model_name.clone()),
            (CLASSES_KEY.into(), to_json(CLASSES_KEY, &self.classes)?),
            (PREPROCESS_KEY.into(), to_json(PREPROCESS_KEY, &self.preprocess)?),
        ]);
        let reference = self.reference.as_ref();
        let reference = reference.map(|one| to_json(REFERENCE_KEY, one)).transpose()?;
        let precision = Some(self.precision).filter(|one| *one != Precision::default());
        let optional = [
            (PRECISION_KEY, precision.map(|one| one.to_string())),
            (MODEL_VERSION_KEY, self.model_version.clone()),
            (RUN_ID_KEY, self.run_id.clone()),
            (BACKBONE_KEY, self.backbone.clone()),
            (REFERENCE_KEY, reference),
            (VAL_ACC_KEY, self.val_acc.map(|value| value.to_string())),
            (TEMPERATURE_KEY, self.temperature.map(|value| value.to_string())),
            (LEAST_SIMILARITY_KEY, self.least_similarity.map(|value| value.to_string())),
        ];
        properties
            .extend(optional.into_iter().filter_map(|(key, value)| Some((key.into(), value?))));
        Ok(properties)
    }

    /// Reads the properties written by [`to_properties`](Self::to_properties); others are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::MissingProperty`], [`Error::InvalidProperty`], [`Error::UnknownFormat`],
    /// [`Error::InvalidTemperature`], [`Error::InvalidSimilarity`], [`Error::InvalidReference`] or
    /// [`Error::InvalidClasses`] for missing, unknown or invalid values.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self, Error> {
        let format = required(properties, FORMAT_KEY)?;
        if format != FORMAT {
            return Err(Error::UnknownFormat { expected: FORMAT, got: format.clone() });
        }
        let precision = properties.get(PRECISION_KEY).map(|name| {
            Precision::from_name(name).ok_or_else(|| Error::UnknownPrecision { got: name.clone() })
        });
        let metadata = Self {
            model_name: required(properties, MODEL_NAME_KEY)?.clone(),
            model_version: properties.get(MODEL_VERSION_KEY).cloned(),
            run_id: properties.get(RUN_ID_KEY).cloned(),
            backbone: properties.get(BACKBONE_KEY).cloned(),
            precision: precision.transpose()?.unwrap_or_default(),
            val_acc: optional(properties, VAL_ACC_KEY)?,
            temperature: optional(properties, TEMPERATURE_KEY)?,
            least_similarity: optional(properties, LEAST_SIMILARITY_KEY)?,
            reference: optional(properties, REFERENCE_KEY)?,
            classes: from_json(CLASSES_KEY, required(properties, CLASSES_KEY)?)?,
            preprocess: from_json(PREPROCESS_KEY, required(properties, PREPROCESS_KEY)?)?,
        };
        metadata.check()?;
        Ok(metadata)
    }

    fn check(&self) -> Result<(), Error> {
        check_classes(&self.classes)?;
        match (self.temperature, self.least_similarity) {
            (Some(got), _) if !(got.is_finite() && got > 0.0) => {
                return Err(Error::InvalidTemperature { got });
            }
            (_, Some(got)) if !(-1.0..=1.0).contains(&got) => {
                return Err(Error::InvalidSimilarity { got });
            }
            _ => {}
        }
        self.reference.as_ref().map_or(Ok(()), |reference| reference.check(self.classes.len()))
    }

    /// The temperature, 1 if absent.
    pub fn temperature(&self) -> f64 {
        self.temperature.unwrap_or(1.0)
    }
}

fn required<'a>(
    properties: &'a BTreeMap<String, String>,
    key: &'static str,
) -> Result<&'a String, Error> {
    properties.get(key).ok_or(Error::MissingProperty { key })
}

fn optional<T: DeserializeOwned>(
    properties: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Option<T>, Error> {
    properties.get(key).map(|value| from_json(key, value)).transpose()
}

fn from_json<T: DeserializeOwned>(key: &'static str, value: &str) -> Result<T, Error> {
    serde_json::from_str(value).map_err(|source| Error::InvalidProperty { key, source })
}

fn to_json(key: &'static str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::InvalidProperty { key, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Observation;

    fn reference() -> Reference {
        let answer =
            Observation { class: 1, confidence: 0.75, similarity: Some(0.7), cosines: &[0.1, 0.7] };
        Reference::of(2, &[answer]).with_images("test", true)
    }

    fn metadata() -> ModelMetadata {
        ModelMetadata {
            model_name: "pets".into(),
            model_version: Some("12".into()),
            run_id: Some("2eb3".into()),
            backbone: Some("mobilenet_v2".into()),
            precision: Precision::Int8,
            val_acc: Some(0.912_345_678_9),
            temperature: Some(1.234_567_890_123),
            least_similarity: Some(-0.25),
            reference: Some(reference()),
            classes: vec!["Chartreux \"blue\"".into(), "Pug".into()],
            preprocess: Preprocess::imagenet(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let full = metadata();
        assert_eq!(ModelMetadata::from_properties(&full.to_properties().unwrap()).unwrap(), full);
        let bare = ModelMetadata {
            model_version: None,
            run_id: None,
            backbone: None,
            precision: Precision::Fp32,
            val_acc: None,
            temperature: None,
            least_similarity: None,
            reference: None,
            ..full
        };
        assert_eq!(ModelMetadata::from_properties(&bare.to_properties().unwrap()).unwrap(), bare);
    }

    #[test]
    fn a_missing_part_is_named() {
        for key in [FORMAT_KEY, MODEL_NAME_KEY, CLASSES_KEY, PREPROCESS_KEY] {
            let mut properties = metadata().to_properties().unwrap();
            properties.remove(key);
            let error = ModelMetadata::from_properties(&properties).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn a_temperature_that_cannot_divide_is_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let metadata = ModelMetadata { temperature: Some(bad), ..metadata() };
            assert!(metadata.to_properties().is_err(), "{bad}");
        }
        for bad in ["0", "-0.5", "1e999", "warm", ""] {
            let mut properties = metadata().to_properties().unwrap();
            properties.insert(TEMPERATURE_KEY.into(), bad.into());
            assert!(ModelMetadata::from_properties(&properties).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_similarity_that_no_cosine_has_is_refused() {
        for bad in [1.01, -2.0, f64::NAN] {
            let metadata = metadata().with_least_similarity(bad);
            assert!(metadata.to_properties().is_err(), "{bad}");
        }
        let mut properties = metadata().to_properties().unwrap();
        properties.insert(LEAST_SIMILARITY_KEY.into(), "1.5".into());
        let error = ModelMetadata::from_properties(&properties).unwrap_err();
        assert!(error.to_string().contains("1.5"), "{error}");
    }

    #[test]
    fn a_reference_of_other_answers_is_refused() {
        let mut metadata = metadata();
        metadata.classes.push("Sphynx".into());
        assert!(metadata.to_properties().is_err());
        for bad in ["[]", "{}", r#"{"images":"test","trained_on":false}"#] {
            let mut properties = self::metadata().to_properties().unwrap();
            properties.insert(REFERENCE_KEY.into(), bad.into());
            let error = ModelMetadata::from_properties(&properties).unwrap_err();
            assert!(error.to_string().contains(REFERENCE_KEY), "{error}");
        }
        let mut properties = self::metadata().to_properties().unwrap();
        let short = properties[REFERENCE_KEY].replace(",0],\"similarity\"", "],\"similarity\"");
        properties.insert(REFERENCE_KEY.into(), short);
        let error = ModelMetadata::from_properties(&properties).unwrap_err();
        let expected = "the model's reference has 19 bins of confidence, expected 20";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_precision_is_named_unless_it_is_that_of_training() {
        let mut properties = metadata().to_properties().unwrap();
        assert_eq!(properties[PRECISION_KEY], "int8");
        let floats = metadata().with_precision(Precision::Fp32);
        assert!(!floats.to_properties().unwrap().contains_key(PRECISION_KEY));
        properties.insert(PRECISION_KEY.into(), "int4".into());
        let error = ModelMetadata::from_properties(&properties).unwrap_err();
        assert!(error.to_string().contains("`int4`"), "{error}");
    }

    #[test]
    fn an_unknown_recipe_or_format_is_refused() {
        let mut properties = metadata().to_properties().unwrap();
        properties.insert(PREPROCESS_KEY.into(), r#"{"resize":"fancy"}"#.into());
        assert!(ModelMetadata::from_properties(&properties).is_err());

        let mut properties = metadata().to_properties().unwrap();
        properties.insert(FORMAT_KEY.into(), "2".into());
        let error = ModelMetadata::from_properties(&properties).unwrap_err();
        assert_eq!(error.to_string(), "the model's metadata has format `2`, expected `1`");
    }
}
