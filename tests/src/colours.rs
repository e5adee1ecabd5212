//! A model of colours that needs no training, and images for it.

use std::path::Path;

use onnx_graph::{ConvOptions, DataType, Dim, GemmOptions, Graph, Model, Value};
use pet_image::{Format, RgbImage, encode_rgb};
use pet_model::{
    CLASSES_FILE, INPUT_NAME, MODEL_FILE, ModelMetadata, OPSET, OUTPUT_NAME, Preprocess,
    write_classes,
};

const CLASSES: [&str; 3] = ["blue", "green", "red"];
/// Pixels along each side.
const SIZE: usize = 8;
/// Number of convolutions.
const LAYERS: usize = 12;

/// Writes a model of blue, green and red images into `folder`: convolutions that pass each colour on, and its mean. Between
/// the first and the last convolution, red is multiplied by `spread`; if that is much more than 256, 8-bit integers cannot
/// represent the others.
pub fn colours_results(folder: &Path, spread: f32) {
    let classes = CLASSES.map(str::to_owned).to_vec();
    let preprocess = Preprocess {
        resize: pet_image::Resize::Stretch { size: SIZE as u32 },
        mean: [0.0; 3],
        standard_deviation: [1.0; 3],
        ..Preprocess::imagenet()
    };
    let metadata = ModelMetadata::new("colours", classes, preprocess).with_val_acc(1.0);
    let model = Model::new(graph(spread), OPSET);
    let properties = metadata.to_properties().unwrap().into_iter();
    let model = properties.fold(model, |model, (key, value)| model.with_metadata(key, value));
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join(MODEL_FILE), model.to_bytes().unwrap()).unwrap();
    write_classes(&folder.join(CLASSES_FILE), &metadata.classes).unwrap();
}

fn graph(spread: f32) -> Graph {
    let mut graph = Graph::new("colours");
    let size = Dim::fixed(SIZE);
    let shape = [Dim::symbol("batch"), 3.into(), size.clone(), size];
    let mut value = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    for layer in 0..LAYERS {
        let red = match layer {
            0 => spread,
            _ if layer == LAYERS - 1 => 1.0 / spread,
            _ => 1.0,
        };
        value = conv(&mut graph, &format!("conv{layer}"), &value, red);
    }
    let pooled = graph.global_average_pool("pool", &value).unwrap();
    let means = graph.flatten("flatten", &pooled, 1).unwrap();
    let mixing = [0.0_f32, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 0.0, 0.0];
    let weight = graph.initializer("classifier.weight", &[3, 3], &mixing).unwrap();
    let bias = graph.initializer("classifier.bias", &[3], &[0.0_f32; 3]).unwrap();
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("classifier", &means, &weight, Some(&bias), options).unwrap();
    graph.output(OUTPUT_NAME, &logits).unwrap();
    graph
}

/// Passes green and blue on, and multiplies red by a factor.
fn conv(graph: &mut Graph, name: &str, input: &Value, red: f32) -> Value {
    let weight = [red, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let weight = graph.initializer(&format!("{name}.weight"), &[3, 3, 1, 1], &weight).unwrap();
    graph.conv(name, input, &weight, None, ConvOptions::square(1)).unwrap()
}

/// Generates a data set with `images` images of each colour, in a folder for each class.
pub fn colours_data_set(folder: &Path, images: usize) {
    for (class, name) in CLASSES.iter().enumerate() {
        for image in 0..images {
            let mut colour = [(5 * image % 90) as u8; 3];
            colour[2 - class] = 255 - (7 * image % 60) as u8;
            let picture = RgbImage::from_raw(16, 16, colour.repeat(256)).unwrap();
            let file = folder.join(format!("train/{name}/{image}.png"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, encode_rgb(&picture, Format::Png).unwrap()).unwrap();
        }
    }
}
