//! Files that are cut, damaged, huge, or no images at all.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::{Compression, write::ZlibEncoder};
use pet_image::{Error, Format, Limits, decode};
use proptest::prelude::*;

use crate::support::{file, file_names, picture};

#[test]
fn a_cut_file_never_gives_half_a_picture() {
    for name in file_names() {
        let bytes = file(&name);
        let whole = picture(&name);
        let mut cuts: Vec<usize> = (0..bytes.len()).step_by(37).collect();
        cuts.extend(bytes.len().saturating_sub(40)..bytes.len());
        for cut in cuts {
            match decode(&bytes[..cut], &Limits::default()) {
                // Only bytes behind the picture were cut off.
                Ok(decoded) => assert!(decoded.image == whole, "{name} cut after {cut} bytes"),
                Err(error) => assert!(is_about_content(&error), "{name} at {cut}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_cut_jpeg_is_always_an_error() {
    for name in ["color_420.jpg", "progressive.jpg", "restarts.jpg", "cmyk_adobe.jpg"] {
        let bytes = file(name);
        for cut in 4..bytes.len() {
            let error = decode(&bytes[..cut], &Limits::default()).unwrap_err();
            assert!(matches!(error, Error::Truncated { format: Format::Jpeg, .. }), "{error:?}");
        }
    }
}

fn is_about_content(error: &Error) -> bool {
    matches!(
        error,
        Error::Empty
            | Error::UnknownFormat { .. }
            | Error::Truncated { .. }
            | Error::Damaged { .. }
            | Error::Decode { .. }
            | Error::NoPixels { .. }
    )
}

#[test]
fn half_a_file_is_called_truncated() {
    for name in
        ["color_444.jpg", "color.png", "still.gif", "lossy.webp", "lossless.webp", "color.bmp"]
    {
        let bytes = file(name);
        let error = decode(&bytes[..bytes.len() / 2], &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{name}: {error:?}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn no_bytes_and_texts_are_told_apart() {
    let refusal = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap_err();
    assert!(matches!(refusal(b""), Error::Empty));
    let text = refusal(b"Dear Sir,\nplease find no picture here");
    assert_eq!(
        text.to_string(),
        r"the content is not a JPEG, PNG, GIF, WebP, BMP or TIFF image; it starts with `Dear Sir,\npl`"
    );
    assert!(text.hint().is_some());
}

/// Headers that announce 40,000 x 40,000 pixels, and next to nothing behind them.
fn huge_headers() -> Vec<(Format, Vec<u8>)> {
    let mut jpeg = file("color_444.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x9c, 0x40, 0x9c, 0x40]);

    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x9c\x40\0\0\x9c\x40\x08\x02\0\0\0".to_vec();
    let checksum = crc32(&png[12..]);
    png.extend(checksum.to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");

    let mut gif = file("still.gif");
    gif[6..10].copy_from_slice(&[0x40, 0x9c, 0x40, 0x9c]);

    let mut bmp = file("color.bmp");
    bmp[18..26].copy_from_slice(&[0x40, 0x9c, 0, 0, 0x40, 0x9c, 0, 0]);

    // The canvas of an extended WebP file: width and height less one, in 24 bits.
    let mut webp = file("turned_8.webp");
    webp[24..30].copy_from_slice(&[0x3f, 0x9c, 0, 0x3f, 0x9c, 0]);
    vec![
        (Format::Jpeg, jpeg),
        (Format::Png, png),
        (Format::Gif, gif),
        (Format::Bmp, bmp),
        (Format::WebP, webp),
    ]
}

/// The checksum of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn a_huge_header_is_refused_at_once() {
    for (format, bytes) in huge_headers() {
        let start = Instant::now();
        let error = decode(&bytes, &Limits::default()).unwrap_err();
        let Error::TooLarge { width, height, .. } = error else {
            panic!("{format}: {error:?}");
        };
        assert_eq!((width, height), (40_000, 40_000), "{format}");
        assert!(start.elapsed() < Duration::from_millis(100), "{format}");
    }
}

#[test]
fn a_lossy_frame_larger_than_its_canvas_is_refused_at_once() {
    let mut bytes = file("alpha.webp");
    let frame = bytes.windows(4).position(|name| name == b"VP8 ").unwrap();
    bytes[frame + 14..frame + 18].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { width: 16_383, height: 16_383, .. }));
}

/// A WebP file of the given chunks, each of which may announce more than it holds.
fn webp(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = chunks
        .iter()
        .flat_map(|(name, size, content)| [&name[..], &size.to_le_bytes(), content].concat())
        .collect();
    let size = body.len() as u32 + 4;
    [b"RIFF", &size.to_le_bytes()[..], b"WEBP", &body].concat()
}

/// Runs on a stack that recursion by the depth of the input would overflow at once.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn frames_in_frames_to_the_limit_need_no_stack() {
    let limits = Limits::default();
    let levels = limits.bytes as usize / 24 - 1;
    let canvas = [2, 0, 0, 0, 9, 0, 0, 9, 0, 0];
    let mut bytes = webp(&[(b"VP8X", 10, &canvas), (b"ANIM", 6, &[0; 6])]);
    for level in (0..levels - 2).rev() {
        bytes.extend(b"ANMF");
        bytes.extend((16 + 24 * level as u32).to_le_bytes());
        bytes.extend([0; 16]);
    }
    let size = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    assert!(bytes.len() as u64 > limits.bytes - 100);
    on_a_small_stack(move || {
        let error = decode(&bytes, &limits).unwrap_err();
        assert!(is_about_content(&error), "{error:?}");
    });
}

#[test]
fn a_chunk_that_announces_more_than_there_is_is_truncated() {
    let lossless = file("lossless.webp");
    let picture = &lossless[20..];
    let canvas = [8, 0, 0, 0, 44, 0, 0, 29, 0, 0];
    let size = picture.len() as u32;
    for announced in [9, 1 << 20, u32::MAX - 9] {
        for name in [b"EXIF", b"ICCP", b"XMP ", b"ANMF", b"what"] {
            let bytes = webp(&[
                (b"VP8X", 10, &canvas),
                (b"VP8L", size, picture),
                (name, announced, b"Exif"),
            ]);
            let error = decode(&bytes, &Limits::default()).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{error:?}");
        }
    }
}

/// A chunk of a PNG file.
fn png_chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [&name, content].concat();
    let length = content.len() as u32;
    [&length.to_be_bytes()[..], &named, &crc32(&named).to_be_bytes()].concat()
}

/// A small picture whose colour profile unpacks to 600 MB.
fn profile_of_zeros() -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..600).for_each(|_| packed.write_all(&zeros).unwrap());
    let profile = [b"profile\0\0", &packed.finish().unwrap()[..]].concat();
    let mut bytes = file("color.png");
    bytes.splice(33..33, png_chunk(*b"iCCP", &profile));
    bytes
}

/// Decodes within 256 MiB of addresses what announces or unpacks to far more.
#[test]
#[ignore = "run by `what_is_announced_takes_no_memory`, which limits its memory"]
fn in_little_memory() {
    let picture = picture("color.png");
    let decoded = decode(&profile_of_zeros(), &Limits::default()).unwrap();
    assert!(decoded.image == picture);
    for (format, bytes) in huge_headers() {
        let no_limits = Limits::default().with_width(u32::MAX).with_height(u32::MAX);
        assert!(decode(&bytes, &no_limits).is_err(), "{format}");
    }
    let exif = webp(&[
        (b"VP8X", 10, &[8, 0, 0, 0, 9, 0, 0, 9, 0, 0]),
        (b"VP8L", 5, &[0x2f, 9, 0x40, 2, 0, 0]),
        (b"EXIF", u32::MAX, b"Exif"),
    ]);
    assert!(decode(&exif, &Limits::default()).is_err());
    for name in [*b"tEXt", *b"zTXt", *b"iTXt", *b"eXIf", *b"iCCP"] {
        let mut bytes = file("color.png");
        bytes.splice(33..33, png_chunk(name, b"key\0\0\0\0\0"));
        bytes[33..37].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        assert!(decode(&bytes, &Limits::default()).is_err());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_announced_takes_no_memory() {
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -v 262144 && exec \"$@\"");
    command.arg("sh").arg(std::env::current_exe().unwrap());
    let arguments = ["--ignored", "--exact", "hostile::in_little_memory"];
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn limits_hold_for_every_format() {
    for name in file_names() {
        let bytes = file(&name);
        let refusal = |limits: Limits| decode(&bytes, &limits).unwrap_err();
        let narrow = refusal(Limits::default().with_width(12));
        assert!(matches!(narrow, Error::TooLarge { max_width: 12, .. }), "{name}: {narrow:?}");
        let low = refusal(Limits::default().with_height(12));
        assert!(matches!(low, Error::TooLarge { max_height: 12, .. }), "{name}: {low:?}");
        let few = refusal(Limits::default().with_pixels(285));
        assert!(matches!(few, Error::TooManyPixels { limit: 285, .. }), "{name}: {few:?}");
        let length = bytes.len() as u64;
        let short = refusal(Limits::default().with_bytes(length - 1));
        assert!(matches!(short, Error::TooManyBytes { .. }), "{name}: {short:?}");
        assert!(decode(&bytes, &Limits::default().with_bytes(length)).is_ok());
    }
}

#[test]
fn stray_bytes_before_the_end_of_a_jpeg_do_no_harm() {
    let mut bytes = file("color_420.jpg");
    let end = bytes.len() - 2;
    bytes.splice(end..end, [0; 240]);
    let decoded = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(decoded.image, picture("color_420.jpg"));
}

#[test]
fn a_jpeg_with_undecodable_data_is_damaged() {
    // A photograph's worth of rows, with nonsense from the middle on.
    let image =
        pet_image::RgbImage::from_fn(64, 256, |x, y| [x as u8 * 4, y as u8, (x ^ y) as u8].into());
    let mut bytes = pet_image::encode_rgb(&image, Format::Jpeg).unwrap();
    let middle = bytes.len() / 2;
    // Sixteen ones are no Huffman code; a zero byte must follow each 0xff.
    for pair in bytes[middle..middle + 400].as_chunks_mut().0 {
        *pair = [0xff, 0x00];
    }
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Damaged { height: 256, .. }), "{error:?}");
}

fn small() -> Limits {
    Limits::default().with_bytes(1 << 16).with_width(200).with_height(200).with_pixels(20_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_an_error_or_a_picture(
        format in 0..7_usize,
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let signatures: [&[u8]; 7] = [
            b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8 ",
            b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", b"II*\0\x08\0\0\0",
        ];
        let bytes = [signatures[format], &noise[..]].concat();
        let _ = decode(&bytes, &small());
    }

    #[test]
    fn damaged_files_are_an_error_or_a_picture(
        name in prop::sample::select(file_names()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = file(&name);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(decoded) = decode(&bytes, &small()) {
            prop_assert!(decoded.image.width() <= 200 && decoded.image.height() <= 200);
        }
    }
}
