//! A model that tells red, green and blue pictures apart, and the library to run it with.

use std::path::{Path, PathBuf};

use onnx_graph::{DataType, Dim, GemmOptions, Graph, Model};
use pet_image::{Format, Preprocess, RgbImage, encode_rgb};
use pet_model::{INPUT_NAME, MODEL_FILE, ModelMetadata, OPSET, OUTPUT_NAME, SIMILARITY_NAME};
use pet_predict::{Runtime, SearchPaths};
use tempfile::TempDir;

pub(crate) const SIZE: usize = 8;

/// The library from `ORT_DYLIB_PATH` or the project's cache. Without one, the test, after which its thread is named, is
/// skipped, unless `PET_REQUIRE_RUNTIME` is set.
pub(crate) fn runtime() -> Option<Runtime> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/onnxruntime");
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths = SearchPaths::default().with_folder(cache).with_library(library);
    match Runtime::load(&paths) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let required = std::env::var_os("PET_REQUIRE_RUNTIME").is_some_and(|set| set == "1");
            assert!(!required, "{error}");
            let thread = std::thread::current();
            eprintln!("skipped: {}: {error}", thread.name().unwrap_or_default());
            None
        }
    }
}

/// What a graph has that the metadata may not fit.
pub(crate) struct Parts {
    pub(crate) input: &'static str,
    pub(crate) output: &'static str,
    pub(crate) batch: Dim,
    pub(crate) size: usize,
    /// The matrix from mean red, green and blue to logits, three numbers for each class.
    pub(crate) weight: Vec<f32>,
    /// Whether the cosines to pure red, green and blue are answered too.
    pub(crate) similarity: bool,
    pub(crate) metadata: Vec<(String, String)>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            input: INPUT_NAME,
            output: OUTPUT_NAME,
            batch: Dim::symbol("batch"),
            size: SIZE,
            weight: vec![4.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0],
            similarity: false,
            metadata: metadata(&["red", "green", "blue"])
                .to_properties()
                .unwrap()
                .into_iter()
                .collect(),
        }
    }
}

pub(crate) fn metadata(classes: &[&str]) -> ModelMetadata {
    let classes = classes.iter().map(ToString::to_string).collect();
    let preprocess = Preprocess {
        resize: pet_image::Resize::Stretch { size: SIZE as u32 },
        mean: [0.0; 3],
        standard_deviation: [1.0; 3],
        ..Preprocess::imagenet()
    };
    ModelMetadata::new("colours", classes, preprocess).with_model_version("7").with_val_acc(1.0)
}

impl Parts {
    /// The bytes of the model: mean of each channel, times the matrix.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut graph = Graph::new("colours");
        let shape = [self.batch, 3.into(), self.size.into(), self.size.into()];
        let image = graph.input(self.input, DataType::F32, &shape).unwrap();
        let pooled = graph.global_average_pool("pool", &image).unwrap();
        let means = graph.flatten("flatten", &pooled, 1).unwrap();
        let shape = [self.weight.len() / 3, 3];
        let weight = graph.initializer("weight", &shape, &self.weight).unwrap();
        let options = GemmOptions::default().with_transpose_b(true);
        let logits = graph.gemm("classifier", &means, &weight, None, options).unwrap();
        graph.output(self.output, &logits).unwrap();
        if self.similarity {
            let own: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            let classes = graph.initializer("classes", &[3, 3], &own).unwrap();
            let direction = graph.l2_normalize("direction", &means, -1).unwrap();
            let cosines = graph.gemm("cosines", &direction, &classes, None, options).unwrap();
            graph.output(SIMILARITY_NAME, &cosines).unwrap();
        }
        finish(graph, self.metadata)
    }

    /// A folder with the model.
    pub(crate) fn folder(self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join(MODEL_FILE), self.bytes()).unwrap();
        folder
    }
}

/// The bytes of a model of `graph` that says `metadata` of itself.
pub(crate) fn finish(graph: Graph, metadata: Vec<(String, String)>) -> Vec<u8> {
    let model = Model::new(graph, OPSET).with_properties(metadata);
    model.to_bytes().unwrap()
}

/// A picture of one colour, as a PNG file.
pub(crate) fn picture(colour: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_raw(20, 10, colour.repeat(200)).unwrap();
    encode_rgb(&image, Format::Png).unwrap()
}
