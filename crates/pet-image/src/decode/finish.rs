//! The last steps of decoding: conversion to sRGB by the file's colour profile (ICC), blending over white, orientation.
//!
//! A profile that is invalid, too large or for another colour model is ignored, as browsers do.

use std::panic::catch_unwind;
use std::sync::Arc;

use image::{DynamicImage, RgbImage, RgbaImage, metadata::Orientation};
use moxcms::{
    ColorProfile, DataColorSpace, Layout, ParsingOptions, ToneReprCurve, TransformExecutor,
    TransformOptions,
};

/// Largest profile that is used, in bytes. Cameras and screens have a few thousand, printers up to two million.
const MAX_BYTES: usize = 4 << 20;

/// Tolerance for the primaries of sRGB, which are near 1.
const SAME_PRIMARY: f64 = 0.002;

/// Tolerance for the tone curve of sRGB, in steps between neighbouring levels.
const SAME_LEVEL: f32 = 0.5;

/// Pixels per conversion, which bounds its memory.
const PIXELS_AT_A_TIME: usize = 4096;

type Transform = Arc<dyn TransformExecutor<u8> + Send + Sync>;

/// Applies an orientation.
pub(super) fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// Converts to 8-bit sRGB, with transparent pixels over white.
pub(super) fn opaque(image: DynamicImage, profile: Option<&[u8]>) -> RgbImage {
    let is_grey = !image.color().has_color();
    let convert = |layout, levels: &mut [u8]| {
        if let Some(profile) = profile {
            to_srgb(profile, is_grey, layout, levels);
        }
    };
    if image.color().has_alpha() {
        let mut image = image.into_rgba8();
        convert(Layout::Rgba, &mut image);
        over_white(&image)
    } else {
        let mut image = image.into_rgb8();
        convert(Layout::Rgb, &mut image);
        image
    }
}

fn over_white(image: &RgbaImage) -> RgbImage {
    let mut blended = RgbImage::new(image.width(), image.height());
    for (pixel, source) in blended.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = source.0.map(u32::from);
        pixel.0 = [red, green, blue]
            .map(|level| ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    blended
}

/// Combines coloured and black ink, with Pillow's rounding.
#[inline(always)]
pub(super) fn under_black(light: u8, black: u8) -> u8 {
    let product = u32::from(255 - light) * u32::from(black) + 128;
    black.saturating_sub((((product >> 8) + product) >> 8) as u8)
}

/// Converts levels with this profile to sRGB in place; transparency is not converted. `is_grey` says that the file was
/// grayscale: its profile must be one for grey, and its three channels are equal.
pub(super) fn to_srgb(profile: &[u8], is_grey: bool, layout: Layout, levels: &mut [u8]) {
    // A panic on a malformed profile must not lose the image.
    let transform = catch_unwind(|| transform(profile, is_grey, layout));
    let Ok(Some(transform)) = transform else {
        return;
    };
    let length = PIXELS_AT_A_TIME * layout.channels();
    let mut from = vec![0; length];
    for part in levels.chunks_mut(length) {
        let from = &mut from[..part.len()];
        from.copy_from_slice(part);
        if transform.transform(from, part).is_err() {
            return;
        }
    }
}

/// The conversion to sRGB, or `None` if there is nothing to convert.
fn transform(profile: &[u8], is_grey: bool, layout: Layout) -> Option<Transform> {
    let options = ParsingOptions { max_profile_size: MAX_BYTES, ..ParsingOptions::default() };
    let profile = ColorProfile::new_from_slice_with_options(profile, options).ok()?;
    let srgb = ColorProfile::new_srgb();
    let profile = match (profile.color_space, is_grey) {
        (DataColorSpace::Rgb, false) => profile,
        (DataColorSpace::Gray, true) => srgb_with_curve(profile.gray_trc?),
        _ => return None,
    };
    if is_srgb(&profile, &srgb) {
        return None;
    }
    let options = TransformOptions::default();
    profile.create_transform_8bit(layout, &srgb, layout, options).ok()
}

/// A profile with the primaries of sRGB and this tone curve, for grayscale images, which it keeps grey.
fn srgb_with_curve(curve: ToneReprCurve) -> ColorProfile {
    let mut profile = ColorProfile::new_srgb();
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile.cicp = None;
    profile
}

/// Whether a profile is practically sRGB, as most profiles are, in many versions.
fn is_srgb(profile: &ColorProfile, srgb: &ColorProfile) -> bool {
    let has_table = profile.lut_a_to_b_perceptual.is_some()
        || profile.lut_a_to_b_colorimetric.is_some()
        || profile.lut_a_to_b_saturation.is_some();
    let (ours, theirs) = (profile.colorant_matrix(), srgb.colorant_matrix());
    let mut primaries = ours.v.iter().flatten().zip(theirs.v.iter().flatten());
    let same_primaries = primaries.all(|(one, other)| (one - other).abs() < SAME_PRIMARY);
    if has_table || !same_primaries {
        return false;
    }
    let Ok(expected) = srgb.build_8bit_lin_table(&srgb.red_trc) else {
        return false;
    };
    [&profile.red_trc, &profile.green_trc, &profile.blue_trc].into_iter().all(|curve| {
        profile
            .build_8bit_lin_table(curve)
            .is_ok_and(|table| is_same_curve(&table[..], &expected[..]))
    })
}

fn is_same_curve(curve: &[f32], expected: &[f32]) -> bool {
    let steps = expected.windows(2).map(|pair| pair[1] - pair[0]);
    let mut levels = curve.iter().zip(expected).zip(steps);
    levels.all(|((one, other), step)| (one - other).abs() <= SAME_LEVEL * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(profile: &ColorProfile, is_grey: bool) -> [u8; 6] {
        let mut levels = [200, 100, 50, 128, 128, 128];
        to_srgb(&profile.encode().unwrap(), is_grey, Layout::Rgb, &mut levels);
        levels
    }

    const SAME: [u8; 6] = [200, 100, 50, 128, 128, 128];

    #[test]
    fn srgb_is_recognized_and_others_are_not() {
        assert!(
            transform(&ColorProfile::new_srgb().encode().unwrap(), false, Layout::Rgb).is_none()
        );
        for other in [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb()] {
            assert!(transform(&other.encode().unwrap(), false, Layout::Rgb).is_some());
        }
    }

    #[test]
    fn a_profile_for_another_kind_of_picture_is_ignored() {
        assert_eq!(changed(&ColorProfile::new_display_p3(), true), SAME);
        assert_eq!(changed(&ColorProfile::new_gray_with_gamma(1.0), false), SAME);
    }

    #[test]
    fn a_broken_profile_changes_nothing_and_ends_nothing() {
        let whole = ColorProfile::new_display_p3().encode().unwrap();
        for length in 0..whole.len() {
            let mut levels = SAME;
            to_srgb(&whole[..length], false, Layout::Rgb, &mut levels);
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                to_srgb(&broken, false, Layout::Rgb, &mut SAME.clone());
            }
        }
        let mut levels = SAME;
        to_srgb(b"no profile", false, Layout::Rgb, &mut levels);
        assert_eq!(levels, SAME);
    }
}
