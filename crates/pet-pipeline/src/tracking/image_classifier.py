"""Classifies images: MLflow's `python_function` for an ONNX model that contains its preprocessing recipe.

Takes a table with encoded images (JPEG, PNG, GIF, WebP, BMP, TIFF) in the column `image`, and returns
`class`, `probability` and `probabilities`, the latter in the order of the model's classes. An unknown
recipe is an error.
"""

import io
import json

import numpy
import onnxruntime
import pandas
from PIL import Image, ImageOps

BATCH = 32


def _load_pyfunc(path):
    """MLflow's entry point, with the path of the ONNX model."""
    return ImageClassifier(path)


class ImageClassifier:
    """A network, its recipe and its classes."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        # Spark runs one instance per core.
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        properties = self.session.get_modelmeta().custom_metadata_map
        if properties.get("pet.format") != "1":
            raise ValueError(f"the model's metadata has format {properties.get('pet.format')!r}, expected '1'")
        self.classes = json.loads(properties["pet.classes"])
        self.temperature = float(properties.get("pet.temperature", "1"))
        self.recipe = Recipe(json.loads(properties["pet.preprocess"]))
        self.input = self.session.get_inputs()[0].name

    def predict(self, table, params=None):
        images = table["image"] if isinstance(table, pandas.DataFrame) else table
        images = list(images)
        parts = [self._scores(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        scores = numpy.concatenate(parts) if parts else numpy.empty((0, len(self.classes)))
        best = scores.argmax(axis=1)
        return pandas.DataFrame({
            "class": [self.classes[index] for index in best],
            "probability": scores[numpy.arange(len(best)), best],
            "probabilities": scores.tolist(),
        })

    def _scores(self, images):
        tensors = numpy.stack([self.recipe.tensor(image) for image in images])
        (logits,) = self.session.run(None, {self.input: tensors})
        scaled = logits.astype(numpy.float64) / self.temperature
        powers = numpy.exp(scaled - scaled.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


class Recipe:
    """From image bytes to the network's input."""

    def __init__(self, recipe):
        unknown = set(recipe) - {"resize", "mean", "standard_deviation", "layout"}
        if unknown or recipe["layout"] != "nchw" or set(recipe["resize"]) - {"stretch", "center_crop"}:
            raise ValueError(f"unknown recipe: {recipe}")
        self.resize = recipe["resize"]
        self.mean = numpy.array(recipe["mean"], numpy.float32)
        self.deviation = numpy.array(recipe["standard_deviation"], numpy.float32)

    def tensor(self, data):
        image = self._square(_upright(Image.open(io.BytesIO(data))))
        levels = numpy.asarray(image, numpy.float32) / numpy.float32(255)
        return ((levels - self.mean) / self.deviation).transpose(2, 0, 1)

    def _square(self, image):
        if "stretch" in self.resize:
            size = self.resize["stretch"]["size"]
            return _resized(image, size, size)
        short, size = self.resize["center_crop"]["resize"], self.resize["center_crop"]["size"]
        width, height = image.size
        long = short * max(width, height) // min(width, height)
        image = _resized(image, *((short, long) if width <= height else (long, short)))
        left, top = (int(round((side - size) / 2.0)) for side in image.size)
        return image.crop((left, top, left + size, top + size))


def _resized(image, width, height):
    # Horizontally first, because newer versions of Pillow choose the order, which rounds differently.
    narrowed = image.resize((width, image.height), Image.Resampling.BILINEAR)
    return narrowed.resize((width, height), Image.Resampling.BILINEAR)


def _upright(image):
    """Applies the EXIF orientation, blends transparency over white, and converts to RGB."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
