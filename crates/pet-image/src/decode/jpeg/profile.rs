//! The colour profile of a JPEG file, which is split over segments (ICC.1, annex B.4).

use std::borrow::Cow;

/// Start of a segment with a part of the profile.
pub(super) const SIGNATURE: &[u8] = b"ICC_PROFILE\0";

/// The parts found so far, in the order of the file.
#[derive(Default)]
pub(super) struct Profile<'a> {
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    /// Counted from 1.
    number: u8,
    /// Declared number of parts.
    count: u8,
    data: &'a [u8],
}

impl<'a> Profile<'a> {
    /// Adds the content of a segment, without the signature.
    pub(super) fn push(&mut self, segment: &'a [u8]) {
        // More than 255 parts are invalid, so further ones need not be kept.
        if let (&[number, count, ref data @ ..], 0..256) = (segment, self.parts.len()) {
            self.parts.push(Part { number, count, data });
        }
    }

    /// The whole profile, or `None` if there is none or its parts are inconsistent.
    pub(super) fn join(&self) -> Option<Cow<'a, [u8]>> {
        if let [Part { number: 1, count: 1, data }] = self.parts[..] {
            return Some(data.into());
        }
        let mut parts: Vec<&Part<'_>> = self.parts.iter().collect();
        parts.sort_by_key(|part| part.number);
        let mut numbers = (1..).zip(&parts);
        let complete = numbers.all(|(number, part)| {
            usize::from(part.number) == number && usize::from(part.count) == parts.len()
        });
        (complete && !parts.is_empty()).then(|| {
            let data = parts.iter().map(|part| part.data);
            data.collect::<Vec<_>>().concat().into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(segments: &[&[u8]]) -> Option<Vec<u8>> {
        let mut profile = Profile::default();
        for segment in segments {
            profile.push(segment);
        }
        profile.join().map(Cow::into_owned)
    }

    #[test]
    fn parts_are_joined_in_the_order_of_their_numbers() {
        assert_eq!(joined(&[b"\x01\x01abc"]).unwrap(), b"abc");
        assert_eq!(joined(&[b"\x02\x02cd", b"\x01\x02ab"]).unwrap(), b"abcd");
    }

    #[test]
    fn an_incomplete_profile_is_none() {
        assert_eq!(joined(&[]), None);
        assert_eq!(joined(&[b"\x01"]), None);
        assert_eq!(joined(&[b"\x01\x02ab"]), None);
        assert_eq!(joined(&[b"\x01\x02ab", b"\x01\x02ab"]), None);
        assert_eq!(joined(&[b"\x01\x02ab", b"\x02\x03cd"]), None);
        assert_eq!(joined(&[&b"\x01\xffab"[..]; 300]), None);
    }
}
