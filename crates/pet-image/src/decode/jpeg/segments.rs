//! Parsing the segments of a JPEG file (ITU-T T.81, annex B).
//!
//! All segments up to the end-of-image marker are parsed without decoding, so that a truncated or too expensive file is
//! rejected before any work is done.

use memchr::memchr;

use super::header::{
    Codes, Colors, Component, Fault, Frame, Header, ProfilePart, Scan, ScanComponent,
};

/// Scans that are parsed; further ones are only counted. Encoders write one to about twenty.
pub(super) const MAX_SCANS: usize = 500;

/// Start of a segment with a part of the colour profile.
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// Parses all segments of a file; `Ok(None)` if there is no end-of-image marker.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Header<'_>>, Fault> {
    let mut walk = Walk::default();
    let complete = walk.run(bytes);
    let fault = walk.fault.take();
    match (complete, fault) {
        (None, _) => Ok(None),
        (Some(()), Some(fault)) => Err(fault),
        (Some(()), None) => walk.into_header().map(Some),
    }
}

/// The state of parsing.
#[derive(Default)]
struct Walk<'a> {
    frame: Option<Frame>,
    scans: Vec<Scan<'a>>,
    scan_count: usize,
    exif: Option<&'a [u8]>,
    profile: Vec<ProfilePart<'a>>,
    jfif: bool,
    /// The colour transform of an Adobe segment.
    adobe: Option<u8>,
    quantization: [Option<[u16; 64]>; 4],
    /// DC tables, then AC tables.
    codes: [Option<Codes<'a>>; 8],
    restart_interval: u32,
    /// The first invalid segment; later ones are only searched for the end of the image.
    fault: Option<Fault>,
}

impl<'a> Walk<'a> {
    /// `None` if the file is truncated.
    fn run(&mut self, bytes: &'a [u8]) -> Option<()> {
        let mut rest = bytes.get(2..)?;
        loop {
            let (marker, after) = next_marker(rest)?;
            match marker {
                0xd9 => return Some(()),
                // Without a segment: restart 0 to 7, start of image, and the reserved `TEM`.
                0x01 | 0xd0..=0xd8 => rest = after,
                _ => {
                    let length = usize::from(u16::from_be_bytes(*after.first_chunk()?)).max(2);
                    let segment = after.get(2..length)?;
                    rest = after.get(length..)?;
                    let mut data: &[u8] = &[];
                    if marker == 0xda {
                        (data, rest) = split_scan(rest)?;
                    }
                    if self.fault.is_none() {
                        self.fault = self.segment(marker, segment, data).err();
                    }
                }
            }
        }
    }

    fn segment(&mut self, marker: u8, segment: &'a [u8], data: &'a [u8]) -> Result<(), Fault> {
        match marker {
            0xc0..=0xc2 => return self.start_frame(segment, marker == 0xc2),
            0xc4 => return self.define_codes(segment).ok_or(Fault::Segment { marker }),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf => return Err(Fault::Process { marker }),
            0xda => return self.start_scan(segment, data),
            0xdb => return self.define_quantization(segment).ok_or(Fault::Segment { marker }),
            0xdd => {
                let interval = segment.first_chunk().ok_or(Fault::Segment { marker })?;
                self.restart_interval = u32::from(u16::from_be_bytes(*interval));
            }
            0xe0 if segment.len() >= 14 && segment.starts_with(b"JFIF\0") => self.jfif = true,
            0xe1 if segment.starts_with(b"Exif\0\0") => {
                self.exif.get_or_insert(&segment[6..]);
            }
            0xe2 if segment.starts_with(PROFILE) => self.add_profile(&segment[PROFILE.len()..]),
            0xee if segment.starts_with(b"Adobe") => {
                self.adobe = segment.get(11).copied().or(self.adobe);
            }
            _ => {}
        }
        Ok(())
    }

    fn add_profile(&mut self, segment: &'a [u8]) {
        // More than 255 parts are invalid, so further ones need not be kept.
        if let (&[number, count, ref data @ ..], 0..256) = (segment, self.profile.len()) {
            self.profile.push((number, count, data));
        }
    }

    fn define_quantization(&mut self, mut rest: &[u8]) -> Option<()> {
        while let Some((&kind, values)) = rest.split_first() {
            let size = 1 + usize::from(kind >> 4);
            let (values, after) = values.split_at_checked(64 * size)?;
            let table = std::array::from_fn(|index| match size {
                1 => u16::from(values[index]),
                _ => u16::from_be_bytes([values[2 * index], values[2 * index + 1]]),
            });
            *self.quantization.get_mut(usize::from(kind & 15))? = Some(table);
            rest = after;
        }
        Some(())
    }

    fn define_codes(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while let Some((&kind, after)) = rest.split_first() {
            let (counts, after) = after.split_first_chunk()?;
            let length = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, after) = after.split_at_checked(length)?;
            if kind & 0xef > 3 || symbols.len() > 256 {
                return None;
            }
            let index = usize::from(kind >> 4) * 4 + usize::from(kind & 3);
            self.codes[index] = Some(Codes { counts, symbols });
            rest = after;
        }
        Some(())
    }

    fn start_frame(&mut self, segment: &[u8], progressive: bool) -> Result<(), Fault> {
        let bad = Fault::Segment { marker: 0xc0 };
        let Some((&[precision, h1, h0, w1, w0, count], components)) = segment.split_first_chunk()
        else {
            return Err(bad);
        };
        if precision != 8 {
            return Err(Fault::Precision { bits: precision });
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Fault::Components { count });
        }
        let components = components.as_chunks().0;
        if self.frame.is_some() || components.len() != usize::from(count) {
            return Err(bad);
        }
        let components = components.iter().map(|&[identifier, sampling, table]| {
            let sampling = [sampling >> 4, sampling & 15].map(u32::from);
            let in_range = sampling.iter().all(|factor| (1..=4).contains(factor)) && table < 4;
            in_range.then_some(Component {
                identifier,
                sampling,
                quantization_index: usize::from(table),
                quantization: None,
            })
        });
        self.frame = Some(Frame {
            width: u32::from(u16::from_be_bytes([w1, w0])),
            height: u32::from(u16::from_be_bytes([h1, h0])),
            progressive,
            components: components.collect::<Option<_>>().ok_or(bad)?,
        });
        Ok(())
    }

    fn start_scan(&mut self, segment: &[u8], data: &'a [u8]) -> Result<(), Fault> {
        self.scan_count += 1;
        if self.scan_count > MAX_SCANS {
            return Ok(());
        }
        let bad = || Fault::Segment { marker: 0xda };
        let frame = self.frame.as_mut().ok_or_else(bad)?;
        let (&count, rest) = segment.split_first().ok_or_else(bad)?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(bad)?;
        let &[first, last, approximation] = rest.first_chunk().ok_or_else(bad)?;
        let mut components: Vec<ScanComponent<'_>> = Vec::new();
        for &[identifier, tables] in chosen.as_chunks().0 {
            let index = frame.components.iter().position(|known| known.identifier == identifier);
            let index = index.ok_or_else(bad)?;
            if components.iter().any(|earlier| earlier.index == index) || tables & 0xcc != 0 {
                return Err(bad());
            }
            let component = &mut frame.components[index];
            if component.quantization.is_none() {
                component.quantization = self.quantization[component.quantization_index];
            }
            components.push(ScanComponent {
                index,
                dc: self.codes[usize::from(tables >> 4)],
                ac: self.codes[4 + usize::from(tables & 3)],
            });
        }
        let scan = Scan {
            components,
            spectrum: [first, last].map(usize::from),
            approximation: [approximation >> 4, approximation & 15].map(u32::from),
            restart_interval: self.restart_interval,
            data,
        };
        scan.check(frame)?;
        self.scans.push(scan);
        Ok(())
    }

    fn into_header(self) -> Result<Header<'a>, Fault> {
        let frame = self.frame.ok_or(Fault::NoFrame)?;
        if self.scans.is_empty() {
            return Err(Fault::NoScan);
        }
        let identifiers: Vec<u8> = frame.components.iter().map(|part| part.identifier).collect();
        // libjpeg's order: JFIF, Adobe, the components' names.
        let colors = match (identifiers.as_slice(), self.jfif, self.adobe) {
            ([_], ..) => Colors::Grey,
            ([_, _, _], false, Some(0)) | (b"RGB", false, None) => Colors::Rgb,
            ([_, _, _], ..) => Colors::YCbCr,
            (_, _, None | Some(0)) => Colors::Cmyk,
            (_, _, Some(_)) => Colors::Ycck,
        };
        Ok(Header {
            frame,
            scans: self.scans,
            scan_count: self.scan_count,
            colors,
            exif: self.exif,
            profile: self.profile,
        })
    }
}

/// The code of the next marker and the bytes after it. Stray bytes before it are skipped.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let start = memchr(0xff, rest)?;
        let code = start + rest[start..].iter().position(|&byte| byte != 0xff)?;
        if rest[code] != 0 {
            return Some((rest[code], &rest[code + 1..]));
        }
        rest = &rest[code + 1..];
    }
}

/// Splits at the end of entropy-coded data, which may contain `ff 00` (an escaped byte) and restart markers.
fn split_scan(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut position = 0;
    loop {
        position += memchr(0xff, bytes.get(position..)?)?;
        match bytes.get(position + 1)? {
            0x00 | 0xd0..=0xd7 => position += 2,
            0xff => position += 1,
            _ => return Some(bytes.split_at(position)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[u8] =
        b"\xff\xd8\xff\xe0\x00\x07JFIF\x00\xff\xda\x00\x02ab\xff\x00c\xff\xd0d\xff\xff\xd9";

    /// A grey frame of one pixel, a scan without data, and the end.
    const IMAGE: &[u8] = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\
        \xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xff\xd9";

    fn is_complete(bytes: &[u8]) -> bool {
        !matches!(read(bytes), Ok(None))
    }

    #[test]
    fn the_end_marker_is_found_behind_stuffing_restarts_and_fill() {
        assert!(is_complete(SMALL));
    }

    #[test]
    fn every_cut_is_noticed() {
        for cut in 0..SMALL.len() {
            assert!(!is_complete(&SMALL[..cut]), "cut after {cut} bytes");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        assert!(!is_complete(b"\xff\xd8\xff\xe1\x00\x06\xff\xd9\xff\xd9"));
    }

    /// The profile of a file with these segments before its image.
    fn profile(segments: &[&[u8]]) -> Option<Vec<u8>> {
        let mut file = b"\xff\xd8".to_vec();
        for segment in segments {
            let length = (2 + PROFILE.len() + segment.len()) as u16;
            file.extend([&[0xff, 0xe2][..], &length.to_be_bytes(), PROFILE, segment].concat());
        }
        file.extend(IMAGE);
        read(&file).unwrap().unwrap().profile()
    }

    #[test]
    fn parts_of_a_profile_are_joined_in_the_order_of_their_numbers() {
        assert_eq!(profile(&[b"\x01\x01abc"]).unwrap(), b"abc");
        assert_eq!(profile(&[b"\x02\x02cd", b"\x01\x02ab"]).unwrap(), b"abcd");
    }

    #[test]
    fn an_incomplete_profile_is_none() {
        assert_eq!(profile(&[]), None);
        assert_eq!(profile(&[b"\x01"]), None);
        assert_eq!(profile(&[b"\x01\x02ab"]), None);
        assert_eq!(profile(&[b"\x01\x02ab", b"\x01\x02ab"]), None);
        assert_eq!(profile(&[b"\x01\x02ab", b"\x02\x03cd"]), None);
        assert_eq!(profile(&[&b"\x01\xffab"[..]; 300]), None);
    }
}
