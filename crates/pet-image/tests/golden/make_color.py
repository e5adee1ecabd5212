#!/usr/bin/env python3
"""Draws pictures with colour profiles, several frames and several pictures, and writes what Pillow makes of them.

    python3 make_color.py    # tests/golden: color/*, color.safetensors

Needs Pillow and numpy.
"""

import struct

import numpy as np
from PIL import Image, ImageCms

from make_golden import HERE, SRGB, in_srgb, save_tensors, scene, write_png

# Red, green and blue in XYZ, adapted to the white of profiles (D50).
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
WHITE = (0.9642, 1.0, 0.82491)


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def curve(gamma):
    """A power, or for `None` the curve of sRGB."""
    if gamma is None:
        numbers = fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + numbers
    return b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)


def profile(space, primaries, gamma, padding=0):
    """An ICC profile (version 2 layout) of primaries and one tone curve; `padding` makes it larger."""
    names = [b"rXYZ", b"gXYZ", b"bXYZ"][:len(primaries)]
    tags = [(name, b"XYZ " + bytes(4) + fixed(*xyz)) for name, xyz in zip(names, primaries)]
    tags.append((b"wtpt", b"XYZ " + bytes(4) + fixed(*WHITE)))
    curves = [b"rTRC", b"gTRC", b"bTRC"] if primaries else [b"kTRC"]
    tags += [(name, curve(gamma)) for name in curves]
    text = b"drawn\0"
    name = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags += [(b"desc", name), (b"cprt", b"text" + bytes(4) + b"none\0")]
    if padding:
        tags.append((b"pad ", b"data" + bytes(padding)))
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags:
        content += bytes(-len(content) % 4)
        table += tag + struct.pack(">II", start + len(data), len(content))
        data += content
    body = table + data
    header = struct.pack(">I4sI4s4s4s", 128 + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(*WHITE)
    return header + bytes(128 - len(header)) + body


def draw(folder):
    folder.mkdir(exist_ok=True)
    picture = scene(45, 30, 4)
    rgb, other = Image.fromarray(picture), Image.fromarray(255 - picture)
    alpha = np.linspace(0, 255, 45).astype(np.uint8)[None, :].repeat(30, 0)
    rgba = Image.fromarray(np.dstack([picture, alpha]))
    grey = rgb.convert("L")
    p3, adobe = profile(b"RGB ", DISPLAY_P3, None), profile(b"RGB ", ADOBE_RGB, 2.2)
    dark = profile(b"GRAY", (), 1.8)
    jpeg = {"quality": 95, "subsampling": 0}

    rgb.save(folder / "display_p3.jpg", icc_profile=p3, **jpeg)
    rgb.save(folder / "adobe_rgb.jpg", icc_profile=adobe, **jpeg)
    # Larger than a segment can be, so that it comes in three parts.
    rgb.save(folder / "parts.jpg", icc_profile=profile(b"RGB ", DISPLAY_P3, None, 140_000), **jpeg)
    rgb.save(folder / "srgb.jpg", icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes(), **jpeg)
    rgb.save(folder / "broken.jpg", icc_profile=p3[:150], **jpeg)
    rgb.save(folder / "for_grey.jpg", icc_profile=dark, **jpeg)
    grey.save(folder / "grey.jpg", icc_profile=dark, quality=95)
    rgb.save(folder / "display_p3.png", icc_profile=p3)
    rgba.save(folder / "adobe_rgb_alpha.png", icc_profile=adobe)
    grey.save(folder / "grey.png", icc_profile=dark)
    rgb.quantize(32).save(folder / "palette.png", icc_profile=p3)
    rgb.save(folder / "display_p3.webp", lossless=True, icc_profile=p3)
    rgba.save(folder / "alpha.webp", lossless=True, exact=True, icc_profile=p3)

    wide = picture.astype(np.uint16) * 257 + np.arange(45, dtype=np.uint16)[None, :, None]
    write_png(folder / "wide.png", 2, wide)
    rgb.save(folder / "two.jpg", format="MPO", save_all=True, append_images=[other], **jpeg)
    rgb.save(folder / "animation.png", save_all=True, append_images=[other])
    rgb.save(folder / "default.png", save_all=True, append_images=[other], default_image=True)
    frames = [rgba.quantize(16), other.quantize(16)]
    frames[0].save(folder / "transparent.gif", save_all=True, append_images=frames[1:], disposal=2)
    rgba.save(folder / "animation.webp", save_all=True, append_images=[other], lossless=True, exact=True)


def decoded(path):
    """The first picture over white, in sRGB; a profile that cannot be used is ignored."""
    image = Image.open(path)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    image = image.convert("RGB") if alpha else image
    image = in_srgb(image)
    image = image.convert("RGB")
    if alpha:
        white = Image.new("RGB", image.size, "white")
        image = Image.composite(image, white, alpha)
    return np.asarray(image)


def main():
    draw(HERE / "color")
    files = sorted((HERE / "color").iterdir())
    save_tensors(HERE / "color.safetensors", {path.name: decoded(path) for path in files})


if __name__ == "__main__":
    main()
