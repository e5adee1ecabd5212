#!/usr/bin/env python3
"""Writes unusual but valid JPEG files into `grid/`, and what Pillow makes of them into `grid.safetensors`.

    python3 make_grid.py

Needs Pillow, numpy, and libjpeg-turbo's `cjpeg` and `jpegtran`. The test `grid` makes many more of them.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from make_golden import save_tensors, scene

HERE = Path(__file__).parent
SEPARATE = "0;\n1;\n2;\n"
PARTLY = "0;\n1 2;\n"
PROGRESSIVE = "".join(
    f"{component}: {band};\n"
    for band in ("0-0, 0, 1", "1-63, 0, 1", "0-0, 1, 0", "1-63, 1, 0")
    for component in range(3)
)
# Name, sampling, size, options of cjpeg, scans, options of jpegtran.
FILES = [
    ("separate_420", "2x2,1x1,1x1", (45, 30), [], SEPARATE, []),
    ("separate_blocks", "2x1,1x1,1x1", (33, 17), [], SEPARATE, ["-restart", "3B"]),
    ("partly_rows", "2x2,1x1,1x1", (33, 17), [], PARTLY, ["-restart", "1"]),
    ("low_luma", "1x1,2x2,2x2", (33, 17), [], None, []),
    ("low_luma_separate", "1x2,2x2,4x1", (33, 17), [], SEPARATE, ["-restart", "1"]),
    ("low_luma_progressive", "1x1,1x4,1x2", (17, 33), ["-progressive"], None, []),
    ("four_to_one", "4x1,1x1,1x1", (65, 9), [], None, []),
    ("four_to_two", "4x1,2x1,2x1", (65, 9), ["-progressive"], PARTLY, []),
    ("three", "3x1,1x1,1x1", (49, 9), [], None, []),
    ("refined", "2x2,1x1,1x1", (45, 30), [], PROGRESSIVE, ["-restart", "2B"]),
    ("one_pixel", "2x2,1x1,1x1", (1, 1), [], SEPARATE, []),
]


def run(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def made(sampling, size, coding, scans, options):
    header = f"P6 {size[0]} {size[1]} 255\n".encode()
    command = ["cjpeg", "-quality", "90", "-sample", sampling, *coding]
    jpeg = run(command, header + scene(*size, 7).tobytes())
    if scans is None:
        return jpeg
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as script:
        script.write(scans)
        script.flush()
        return run(["jpegtran", "-scans", script.name, *options], jpeg)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block


def main():
    folder = HERE / "grid"
    folder.mkdir(exist_ok=True)
    files = {name: made(*rest) for name, *rest in FILES}
    plain = files["separate_420"]
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    # JFIF wins over an Adobe marker that says RGB; alone, the marker decides.
    files["jfif_and_adobe"] = plain[:20] + adobe + plain[20:]
    files["adobe_alone"] = plain[:2] + adobe + plain[20:]
    files["first_exif_counts"] = plain[:20] + turned(6) + turned(1) + plain[20:]
    tensors = {}
    for name, jpeg in files.items():
        path = folder / f"{name}.jpg"
        path.write_bytes(jpeg)
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        tensors[path.name] = np.asarray(image)
    save_tensors(HERE / "grid.safetensors", tensors)


if __name__ == "__main__":
    main()
