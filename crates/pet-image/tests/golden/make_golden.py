#!/usr/bin/env python3
"""Writes what Pillow makes of images, for the tests of pet-image to compare with.

    python3 make_golden.py                          # tests/golden: files/*, expected.safetensors
    python3 make_golden.py --photographs DIR        # and photographs.safetensors, of every 4th file
    python3 make_golden.py --photographs DIR --all OUT   # everything of every file, into OUT

Needs Pillow and numpy. The files in `files/` are drawn here; no photograph is copied. Of
photographs only scattered numbers are kept, from which no picture can be made.
"""

import argparse
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageEnhance, ImageOps

HERE = Path(__file__).parent
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
SRGB = ImageCms.createProfile("sRGB")
SAMPLE_STRIDE = 499  # a prime, so that the samples wander over rows, columns and channels


def save_tensors(path, tensors):
    """Writes the safetensors format: a JSON header, then the raw data."""
    kinds = {np.dtype(np.uint8): "U8", np.dtype(np.float32): "F32", np.dtype(np.float64): "F64"}
    header, blobs, offset = {}, [], 0
    # Largest elements first, so that each tensor is aligned.
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        blob = np.ascontiguousarray(array).tobytes()
        span = [offset, offset + len(blob)]
        header[name] = {
            "dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": span,
        }
        blobs.append(blob)
        offset = span[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def scene(width, height, seed):
    """A drawn picture with slopes, edges and noise: everything that a resampler can get wrong."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / width, y / height
    picture = np.stack([200 * u + 30, 180 * v + 20, 220 * (1 - u) * v + 10], -1)
    picture[(u - 0.4) ** 2 + (v - 0.5) ** 2 < 0.06] = (240, 180, 60)
    picture[((u - 0.7) ** 2 + (v - 0.4) ** 2 < 0.02)] = (20, 40, 30)
    picture[(x + y) % 13 == 0] += 40
    picture += np.random.default_rng(seed).normal(0, 6, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def write_png(path, color_type, samples):
    """A 16-bit PNG, which Pillow cannot write in colour. `samples` has the shape (h, w, channels)."""
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def without_adobe(jpeg):
    """Cuts the Adobe segment out, which makes the CMYK values mean ink instead of light."""
    start = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    return jpeg[:start] + jpeg[start + 16:]


def draw_files(folder):
    folder.mkdir(exist_ok=True)
    picture = scene(45, 30, 1)
    rgb = Image.fromarray(picture)
    alpha = np.linspace(0, 255, 45).astype(np.uint8)[None, :].repeat(30, 0)
    rgba = Image.fromarray(np.dstack([picture, alpha]))
    grey = rgb.convert("L")

    rgb.save(folder / "color_420.jpg", quality=90, subsampling=2)
    rgb.save(folder / "color_422.jpg", quality=90, subsampling=1)
    rgb.save(folder / "color_444.jpg", quality=90, subsampling=0)
    rgb.save(folder / "progressive.jpg", quality=90, progressive=True)
    rgb.save(folder / "restarts.jpg", quality=90, restart_marker_blocks=2)
    rgb.save(folder / "rgb.jpg", quality=90, keep_rgb=True)
    grey.save(folder / "grey.jpg", quality=90)
    rgb.convert("CMYK").save(folder / "cmyk_adobe.jpg", quality=95)
    plain = without_adobe((folder / "cmyk_adobe.jpg").read_bytes())
    (folder / "cmyk_plain.jpg").write_bytes(plain)

    rgb.save(folder / "color.png")
    rgba.save(folder / "alpha.png")
    grey.save(folder / "grey.png")
    Image.merge("LA", (grey, rgba.getchannel("A"))).save(folder / "grey_alpha.png")
    rgb.convert("1").save(folder / "black_white.png")
    rgb.quantize(16).save(folder / "palette.png")
    rgb.quantize(16).save(folder / "palette_transparent.png", transparency=3)
    wide = picture.astype(np.uint16) * 257
    write_png(folder / "color_16.png", 2, wide)
    write_png(folder / "alpha_16.png", 6, np.dstack([wide, alpha.astype(np.uint16) * 257]))
    write_png(folder / "grey_16.png", 0, wide[:, :, :1])

    second = Image.fromarray(255 - picture)
    rgb.quantize(32).save(folder / "still.gif")
    rgb.save(folder / "animation.gif", save_all=True, append_images=[second])
    rgb.quantize(16).save(folder / "transparent.gif", transparency=3)
    rgb.save(folder / "lossy.webp", quality=90)
    rgba.save(folder / "alpha.webp", quality=90)
    rgb.save(folder / "lossless.webp", lossless=True)
    rgba.save(folder / "lossless_alpha.webp", lossless=True, exact=True)
    rgb.save(folder / "animation.webp", save_all=True, append_images=[second], lossless=True)
    rgb.save(folder / "color.bmp")
    grey.save(folder / "grey.bmp")
    rgb.convert("1").save(folder / "black_white.bmp")

    small = Image.fromarray(scene(22, 13, 2))
    for orientation in range(1, 9):
        small.save(folder / f"turned_{orientation}.jpg", quality=90, exif=exif(orientation))
    small.save(folder / "turned_6.png", exif=exif(6))
    small.save(folder / "turned_8.webp", lossless=True, exif=exif(8))
    Image.fromarray(scene(120, 83, 3)).save(folder / "large.png")


def in_srgb(image):
    """An opaque picture without its colour profile; one that cannot be used is ignored."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        return image


def decoded(path):
    """The picture as a person sees it: upright, over white, 8-bit RGB."""
    image = in_srgb(ImageOps.exif_transpose(Image.open(path)))
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def tensor(image, size):
    """What torchvision makes of it: `Resize((size, size))`, `ToTensor`, `Normalize`."""
    levels = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), np.float32)
    numbers = (levels / np.float32(255) - MEAN) / DEVIATION
    return numbers.transpose(2, 0, 1)


def center_tensor(image, resize, size):
    """The same with `Resize(resize)` and `CenterCrop(size)`."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    stretched = int(resize * long / short)
    target = (resize, stretched) if width <= height else (stretched, resize)
    image = image.resize(target, Image.Resampling.BILINEAR)
    left, top = (int(round((side - size) / 2.0)) for side in image.size)
    return tensor(image.crop((left, top, left + size, top + size)), size)


def resized(image, size, filter):
    """In two passes, along the rows first, as Pillow always did before version 13.

    Newer ones begin with the columns where that is faster. For a bilinear filter this changes
    results by one level at most; for Lanczos, whose overshoot is cut off between the passes, by
    more.
    """
    return image.resize((size[0], image.height), filter).resize(size, filter)


def stretched(image):
    """Contrast stretch in plain numpy."""
    levels = np.asarray(image, np.float64)
    numbers = (levels - levels.mean((0, 1))) / (levels.std((0, 1)) + 1e-6)
    span = numbers.max() - numbers.min()
    return np.round((numbers - numbers.min()) / span * 255).astype(np.uint8)


def augmented(image, box, size, mirrored, brightness, contrast, saturation):
    """A part, resized, mirrored, and changed in colour by Pillow's own enhancers."""
    image = resized(image.crop(box), (size, size), Image.Resampling.BILINEAR)
    if mirrored:
        image = ImageOps.mirror(image)
    image = ImageEnhance.Brightness(image).enhance(brightness)
    image = ImageEnhance.Contrast(image).enhance(contrast)
    image = ImageEnhance.Color(image).enhance(saturation)
    return tensor(image, size)


def expected(folder):
    tensors = {f"decode/{path.name}": np.asarray(decoded(path)) for path in folder.iterdir()}
    large = decoded(folder / "large.png")
    small = decoded(folder / "color.png")
    for name, image in (("large.png", large), ("color.png", small)):
        for width, height in ((48, 32), (17, 61), (64, 20)):
            for filter in (Image.Resampling.BILINEAR, Image.Resampling.LANCZOS):
                key = f"resize/{name}/{filter.name.lower()}/{width}/{height}"
                tensors[key] = np.asarray(resized(image, (width, height), filter))
    tensors["crop/color.png/10/5/60/28"] = np.asarray(small.crop((10, 5, 60, 28)))
    tensors["grayscale/color.png"] = np.asarray(small.convert("L"))
    tensors["contrast_stretch/color.png"] = stretched(small)
    levels = np.asarray(large, np.float64)
    tensors["mean/large.png"] = levels.mean((0, 1))
    tensors["standard_deviation/large.png"] = levels.std((0, 1))
    tensors["stretch/large.png/24"] = tensor(large, 24)
    tensors["center_crop/large.png/33/24"] = center_tensor(large, 33, 24)
    box = (9, 14, 100, 78)
    tensors["augment/part"] = augmented(large, box, 24, False, 1, 1, 1)
    tensors["augment/mirrored"] = augmented(large, box, 24, True, 1, 1, 1)
    tensors["augment/brighter"] = augmented(large, box, 24, False, 1.3, 1, 1)
    tensors["augment/contrast"] = augmented(large, box, 24, False, 1, 0.6, 1)
    tensors["augment/colourful"] = augmented(large, box, 24, False, 1, 1, 1.4)
    tensors["augment/all"] = augmented(large, box, 24, True, 0.8, 1.2, 0.7)
    return tensors


def sampled(path):
    """Numbers scattered over the tensor: enough to measure a difference, too few for a picture."""
    return tensor(decoded(path), 224).ravel()[::SAMPLE_STRIDE]


def everything(path):
    image = decoded(path)
    size = (224, 224)
    return {
        "pixels": np.asarray(image),
        "bilinear": np.asarray(image.resize(size, Image.Resampling.BILINEAR)),
        "lanczos": np.asarray(resized(image, size, Image.Resampling.LANCZOS)),
        "grayscale": np.asarray(image.convert("L")),
        "tensor": tensor(image, 224),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--all", type=Path, metavar="OUT")
    options = parser.parse_args()
    photographs = sorted(options.photographs.glob("*.jpg")) if options.photographs else []
    if options.all:
        for path in photographs:
            save_tensors(options.all / f"{path.stem}.safetensors", everything(path))
        return
    draw_files(HERE / "files")
    save_tensors(HERE / "expected.safetensors", expected(HERE / "files"))
    if photographs:
        samples = {path.name: sampled(path) for path in photographs[::4]}
        save_tensors(HERE / "photographs.safetensors", samples)


if __name__ == "__main__":
    main()
