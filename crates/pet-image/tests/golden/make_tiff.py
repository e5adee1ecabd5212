#!/usr/bin/env python3
"""Writes TIFF files of many kinds into `tiff/`, and what Pillow makes of them into `tiff.safetensors`.

    python3 make_tiff.py

Needs Pillow with libtiff, and numpy. What Pillow does not write is written here, byte by byte.
"""

import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from make_color import DISPLAY_P3, decoded, profile
from make_golden import HERE, save_tensors, scene

SIZE = (37, 21)
NONE, DEFLATE, PACKBITS = 1, 8, 32773
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK = 0, 1, 2, 3, 5


def packbits(data):
    """Repeats of at least three bytes, and the rest as it is."""
    out, at, plain = b"", 0, b""
    while at < len(data):
        end = at
        while end < len(data) and end - at < 128 and data[end] == data[at]:
            end += 1
        if end - at >= 3 or len(plain) == 128:
            out += (bytes([len(plain) - 1]) + plain) if plain else b""
            plain = b""
        if end - at >= 3:
            out += bytes([257 - (end - at), data[at]])
            at = end
        else:
            plain += data[at:at + 1]
            at += 1
    return out + ((bytes([len(plain) - 1]) + plain) if plain else b"")


def packed(samples, bits, order):
    """Rows of numbers as bytes, each row begun anew."""
    if bits >= 8:
        return samples.astype(f"{order}u{bits // 8}").tobytes()
    digits = samples[..., None] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(digits.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


def differences(samples, bits):
    """What the horizontal predictor leaves of rows of pixels."""
    before = np.pad(samples, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    return (samples.astype(np.int64) - before) % (1 << bits)


def write(path, samples, photometric, bits=8, order="<", big=False, compression=NONE, predictor=1, planar=False,
          rows=None, tile=None, extra=(), tags=()):
    """Writes an array of rows, columns and channels."""
    height, width, channels = samples.shape
    chunks = []
    for plane in np.split(samples, channels, 2) if planar else [samples]:
        step = tile or (width, rows or height)
        for top in range(0, height, step[1]):
            for left in range(0, width, step[0]):
                part = plane[top:top + step[1], left:left + step[0]]
                if tile:
                    part = np.pad(part, ((0, step[1] - part.shape[0]), (0, step[0] - part.shape[1]), (0, 0)), "edge")
                part = differences(part, bits) if predictor == 2 else part
                data = packed(part.reshape(len(part), -1), bits, order)
                chunks.append({NONE: bytes, DEFLATE: zlib.compress, PACKBITS: packbits}[compression](data))
    entries = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [compression]),
               262: (3, [photometric]), 277: (3, [channels]), 284: (3, [2 if planar else 1]), 317: (3, [predictor])}
    if tile:
        entries |= {322: (3, [tile[0]]), 323: (3, [tile[1]])}
    else:
        entries[278] = (4, [rows or height])
    entries |= {338: (3, list(extra))} if extra else {}
    entries |= dict(tags)
    file = bytearray(order_mark(order, big))
    offsets = []
    for chunk in chunks:
        offsets.append(len(file))
        file += chunk + bytes(len(chunk) % 2)
    places, counts = (324, 325) if tile else (273, 279)
    wide = 16 if big else 4
    entries |= {places: (wide, offsets), counts: (wide, [len(chunk) for chunk in chunks])}
    start, directory = finished(file, entries, order, big)
    at = 8 if big else 4
    file[at:2 * at] = struct.pack(order + ("Q" if big else "I"), start)
    path.write_bytes(file + directory)


def order_mark(order, big):
    mark = b"II" if order == "<" else b"MM"
    return mark + (struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0))


def finished(file, entries, order, big):
    """Adds the values that do not fit into the directory; gives the directory and its place."""
    word, room = ("Q", 8) if big else ("I", 4)
    letters = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
    body = b""
    for tag, (kind, values) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}{letters[kind]}", *values)
        if len(data) > room:
            place = len(file)
            file += data + bytes(len(data) % 2)
            data = struct.pack(order + word, place)
        body += struct.pack(f"{order}HH{word}", tag, kind, len(values)) + data.ljust(room, b"\0")
    count = struct.pack(order + ("Q" if big else "H"), len(entries))
    return len(file), count + body + bytes(room)


def by_pillow(folder, rgb):
    """What Pillow and libtiff write."""
    grey, palette = rgb.convert("L"), rgb.quantize(40)
    alpha = Image.fromarray(np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :].repeat(SIZE[1], 0))
    rgba = Image.merge("RGBA", (*rgb.split(), alpha))
    modes = {"grey": grey, "rgb": rgb, "rgba": rgba, "palette": palette, "cmyk": rgb.convert("CMYK"),
             "bilevel": rgb.convert("1"), "grey_alpha": Image.merge("LA", (grey, alpha))}
    for name, image in modes.items():
        image.save(folder / f"{name}_none.tif")
        image.save(folder / f"{name}_lzw.tif", compression="tiff_lzw")
    for name in ("grey", "rgb"):
        for compression in ("tiff_adobe_deflate", "packbits", "jpeg"):
            modes[name].save(folder / f"{name}_{compression.split('_')[-1]}.tif", compression=compression)
    options = {"compression": "tiff_lzw", "tiffinfo": {317: 2, 278: 5}}
    rgb.save(folder / "rgb_lzw_predictor.tif", **options)
    rgba.save(folder / "rgba_lzw_predictor.tif", **options)
    rgb.save(folder / "rgb_jpeg_rows.tif", compression="jpeg", quality=95, tiffinfo={278: 8})
    rgb.save(folder / "display_p3.tif", icc_profile=profile(b"RGB ", DISPLAY_P3, None))
    grey.save(folder / "grey_profile.tif", icc_profile=profile(b"GRAY", (), 1.8))
    rgb.save(folder / "pages.tif", save_all=True, append_images=[ImageOps.invert(rgb)])
    rgb.save(folder / "big.tif", big_tiff=True)
    for orientation in range(1, 9):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        rgb.save(folder / f"turned_{orientation}.tif", tiffinfo=tags, compression="tiff_lzw")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(folder / "grey_16.tif")


def by_hand(folder, picture):
    """What Pillow does not write."""
    grey = picture.mean(2, keepdims=True).astype(np.uint8)
    alpha = np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :, None].repeat(SIZE[1], 0)
    rgba = np.dstack([picture, alpha])
    deep = picture.astype(np.uint16) * 257
    write(folder / "tiles.tif", picture, RGB, tile=(16, 16))
    write(folder / "tiles_deflate.tif", picture, RGB, tile=(16, 32), compression=DEFLATE, predictor=2)
    write(folder / "tiles_packbits.tif", grey, BLACK_IS_ZERO, tile=(32, 16), compression=PACKBITS, order=">")
    write(folder / "tile_larger.tif", picture, RGB, tile=(64, 64), compression=DEFLATE)
    write(folder / "planes.tif", picture, RGB, planar=True, rows=4)
    write(folder / "planes_tiles.tif", rgba, RGB, planar=True, tile=(16, 16), compression=DEFLATE, extra=[2])
    write(folder / "planes_predictor.tif", picture, RGB, planar=True, rows=9, compression=DEFLATE, predictor=2)
    write(folder / "big_endian.tif", picture, RGB, order=">", rows=3)
    write(folder / "big_big_endian.tif", picture, RGB, order=">", big=True, compression=DEFLATE, rows=7)
    for order, name in (("<", "little"), (">", "big")):
        write(folder / f"rgb_16_{name}.tif", deep, RGB, 16, order)
        write(folder / f"rgb_16_{name}_predictor.tif", deep, RGB, 16, order, compression=DEFLATE, predictor=2, rows=6)
    write(folder / "rgba_16.tif", rgba.astype(np.uint16) * 257, RGB, 16, extra=[2])
    write(folder / "premultiplied.tif", np.dstack([picture * (alpha / 255), alpha]).astype(np.uint8),
          RGB, extra=[1])
    write(folder / "four_no_alpha.tif", rgba, RGB, extra=[0])
    write(folder / "four_no_alpha_predictor.tif", rgba, RGB, extra=[0], compression=DEFLATE, predictor=2)
    write(folder / "four_unsaid.tif", rgba, RGB)
    write(folder / "white_is_zero.tif", 255 - grey, WHITE_IS_ZERO)
    for bits in (1, 2, 4):
        write(folder / f"grey_{bits}.tif", grey >> (8 - bits), BLACK_IS_ZERO, bits, rows=4)
        write(folder / f"white_is_zero_{bits}.tif", grey >> (8 - bits), WHITE_IS_ZERO, bits)
        colours = np.linspace(0, 65535, 3 << bits).astype(int).tolist()
        write(folder / f"palette_{bits}.tif", grey >> (8 - bits), PALETTE, bits, tags={320: (3, colours)})
    write(folder / "white_is_zero_16.tif", 65535 - grey.astype(np.uint16) * 257, WHITE_IS_ZERO, 16)
    write(folder / "cmyk_tiles.tif", np.dstack([255 - picture, 255 - grey // 2]), CMYK, tile=(16, 16))
    # Bits from the lowest, as fax machines send them.
    write(folder / "reversed.tif", grey >> 7, BLACK_IS_ZERO, 1, tags={266: (3, [2])})


def seen(path):
    """What Pillow makes of a file: its levels in sRGB, of 16 bits the upper 8."""
    image = Image.open(path)
    if image.mode == "I;16":
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        # Pillow does not turn deep pictures from white to black around.
        grey = 255 - grey if image.tag_v2[262] == WHITE_IS_ZERO else grey
        return np.asarray(Image.fromarray(grey).convert("RGB"))
    if image.mode == "LA":
        rgba = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))
    return decoded(path)


def main():
    folder = HERE / "tiff"
    folder.mkdir(exist_ok=True)
    picture = scene(*SIZE, 9)
    by_pillow(folder, Image.fromarray(picture))
    by_hand(folder, picture)
    # Pillow knows no BigTIFF with the highest byte first.
    tensors = {"big_big_endian.tif": picture}
    for path in sorted(folder.iterdir()):
        if path.name not in tensors:
            tensors[path.name] = seen(path)
    save_tensors(HERE / "tiff.safetensors", tensors)


if __name__ == "__main__":
    main()
