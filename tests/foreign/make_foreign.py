#!/usr/bin/env python3
"""Makes small files of what people send and what is not read, and the table `kinds.json` of what they are.

    python3 make_foreign.py

Needs Pillow, and Debian's `heif-enc` for HEIC. Of formats that nothing here writes, the beginning must do.
"""

import gzip
import io
import json
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
PICTURES = HERE.parent.parent / "crates/pet-image/tests/golden/files"


def heif(source):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.heic"
        subprocess.run(["heif-enc", "-q", "30", source, "-o", target], check=True, stdout=subprocess.DEVNULL)
        return target.read_bytes()


def by_pillow(format, **options):
    file = io.BytesIO()
    Image.open(PICTURES / "color.png").resize((16, 16)).save(file, format, **options)
    return file.getvalue()


def negative():
    """A TIFF directory with the tag that makes it a digital negative."""
    entries = [(256, 4, 4), (257, 4, 2), (262, 3, 2), (50706, 1, 0x0401)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr(zipfile.ZipInfo("photo.txt"), "no photograph")
    return file.getvalue()


FILES = {
    "photo.heic": ("a HEIC photo", True, lambda: heif(PICTURES / "color.png")),
    "turned.heic": ("a HEIC photo", True, lambda: heif(PICTURES / "turned_6.jpg")),
    "mirrored.heic": ("a HEIC photo", True, lambda: heif(PICTURES / "turned_2.jpg")),
    "photo.avif": ("an AVIF image", True, lambda: by_pillow("AVIF", quality=30)),
    "photo.jxl": ("a JPEG XL image", True, lambda: b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "),
    "codestream.jxl": ("a JPEG XL image", True, lambda: b"\xff\x0a\x7a\x1f\0\x88\x23\x01\x4b\x38"),
    "photo.jp2": ("a JPEG 2000 image", True, lambda: by_pillow("JPEG2000", quality_layers=[60])),
    "icon.ico": ("an icon", True, lambda: by_pillow("ICO", sizes=[(16, 16)])),
    "layers.psd": ("a Photoshop document", True, lambda: b"8BPS\0\x01" + bytes(6) + b"\0\x03\0\0\0\x02\0\0\0\x04\0\x08\0\x03"),
    "drawing.svg": ("an SVG drawing", True, lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>\n'),
    "photo.dng": ("a raw photo", True, negative),
    "photo.cr2": ("a raw photo (CR2)", True, lambda: b"II*\0\x10\0\0\0CR\x02\0" + bytes(20)),
    "photo.cr3": ("a raw photo (CR3)", True, lambda: b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom"),
    "photo.orf": ("a raw photo (ORF)", True, lambda: b"IIRO\x08\0\0\0" + bytes(20)),
    "photo.rw2": ("a raw photo (RW2)", True, lambda: b"IIU\0\x18\0\0\0" + bytes(20)),
    "photo.raf": ("a raw photo (RAF)", True, lambda: b"FUJIFILMCCD-RAW 0201" + bytes(20)),
    "page.pdf": ("a PDF document", False, lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"),
    "photos.zip": ("a ZIP archive", False, archive),
    "photos.tar.gz": ("a gzip archive", False, lambda: gzip.compress(b"no photograph", mtime=0)),
    "clip.mp4": ("a video", False, lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    "clip.webm": ("a video", False, lambda: b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01webm"),
    "page.html": ("a web page", False, lambda: b"<!DOCTYPE html>\n<html><title>No photograph</title></html>\n"),
}


def main():
    kinds = {}
    for name, (kind, is_picture, make) in FILES.items():
        (HERE / name).write_bytes(make())
        kinds[name] = {"kind": kind, "is_picture": is_picture}
    (HERE / "kinds.json").write_text(json.dumps(kinds, indent=2) + "\n")


if __name__ == "__main__":
    main()
