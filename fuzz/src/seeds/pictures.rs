//! Images with many parts.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

use super::Seeds;

pub(crate) fn seeds() -> Seeds {
    vec![
        ("nested_frames.webp", nested_frames()),
        ("many_chunks.webp", webp(&chunk(b"EXIF", b"Exif\0\0").repeat(200))),
        ("announced_exif.webp", announced_exif()),
        ("profile.png", png(&png_chunk(b"iCCP", &[b"p\0\0", &packed_zeros(8 << 20)[..]].concat()))),
        (
            "texts.png",
            png(&png_chunk(b"zTXt", &[b"t\0\0", &packed_zeros(1 << 16)[..]].concat()).repeat(50)),
        ),
        ("many_scans.jpg", progressive(&bands())),
        ("many_segments.jpg", many_segments()),
        ("many_frames.gif", many_frames()),
    ]
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len() % 2];
    [name, &(content.len() as u32).to_le_bytes(), content, &padding].concat()
}

fn webp(chunks: &[u8]) -> Vec<u8> {
    let lossless = chunk(b"VP8L", &[0x2f, 9, 0x40, 2, 0, 0]);
    let extended = chunk(b"VP8X", &[0x2c, 0, 0, 0, 9, 0, 0, 9, 0, 0]);
    chunk(b"RIFF", &[b"WEBP", &extended[..], &lossless, chunks].concat())
}

/// Frames within frames.
fn nested_frames() -> Vec<u8> {
    let frame = |inner: Vec<u8>, _| chunk(b"ANMF", &[&[0; 16][..], &inner].concat());
    webp(&(0..500).fold(Vec::new(), frame))
}

fn announced_exif() -> Vec<u8> {
    webp(&[&b"EXIF"[..], &u32::MAX.to_le_bytes(), b"Exif"].concat())
}

fn packed_zeros(count: usize) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&vec![0; count]).expect("memory");
    packer.finish().expect("memory")
}

fn png_chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let mut sum = Crc::new();
    sum.update(&named);
    [&(content.len() as u32).to_be_bytes(), &named[..], &sum.sum().to_be_bytes()].concat()
}

/// A black image of 16x16 pixels, with further chunks before the data.
fn png(before: &[u8]) -> Vec<u8> {
    let head = png_chunk(b"IHDR", &[0, 0, 0, 16, 0, 0, 0, 16, 8, 2, 0, 0, 0]);
    let data = png_chunk(b"IDAT", &packed_zeros(16 * (1 + 16 * 3)));
    [b"\x89PNG\r\n\x1a\n", &head[..], before, &data, &png_chunk(b"IEND", b"")].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

/// A table with a single code, `0`.
fn huffman_table(place: u8, symbol: u8) -> Vec<u8> {
    segment(0xc4, &[&[place, 1][..], &[0; 15], &[symbol]].concat())
}

/// First and last coefficient, high and low bit of 299 scans.
fn bands() -> Vec<[u8; 4]> {
    let firsts = (1..64).map(|at| [at, at, 0, 5]);
    let finer = (0..5).rev().flat_map(|low| (1..64).map(move |at| [at, at, low + 1, low]));
    firsts.chain(finer).take(299).collect()
}

/// A progressive, grey image of 64x64 pixels.
fn progressive(bands: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = b"\xff\xd8".to_vec();
    bytes.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    bytes.extend(segment(0xc2, &[8, 0, 64, 0, 64, 1, 0, 0x11, 0]));
    bytes.extend(huffman_table(0, 0));
    bytes.extend([&segment(0xda, &[1, 0, 0, 0, 0, 0])[..], &[0; 8]].concat());
    // A run of 64 to 127 blocks without coefficients: 64 of them.
    bytes.extend(huffman_table(0x10, 0x60));
    for [first, last, high, low] in bands {
        bytes.extend(segment(0xda, &[1, 0, 0, *first, *last, high << 4 | low]));
        bytes.push(0b0000_0001);
    }
    bytes.extend(b"\xff\xd9");
    bytes
}

/// Comments, profiles and orientations before the image.
fn many_segments() -> Vec<u8> {
    let exif = segment(
        0xe1,
        b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    );
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\xffprofile");
    let adobe = segment(0xee, b"Adobe\0\x64\0\0\0\0\x01");
    let before = [exif, profile, adobe, segment(0xfe, b"comment")].concat().repeat(50);
    let picture = progressive(&bands()[..3]);
    [&picture[..2], &before, &picture[2..]].concat()
}

/// Frames of one pixel, with extensions between them.
fn many_frames() -> Vec<u8> {
    let frame =
        b"\x21\xfe\x01x\0\x21\xf9\x04\x09\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
            .repeat(100);
    [b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff", &frame[..], b";"].concat()
}
