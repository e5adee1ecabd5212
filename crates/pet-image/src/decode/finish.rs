//! After decoding: conversion to sRGB, blending over white, orientation.

use image::{DynamicImage, RgbImage, RgbaImage, metadata::Orientation};

use super::color::{Pixel, to_srgb};

/// Applies an orientation.
pub(super) fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// Converts to 8-bit sRGB, with transparent pixels over white.
pub(super) fn opaque(image: DynamicImage, profile: Option<&[u8]>) -> RgbImage {
    let is_grey = !image.color().has_color();
    let convert = |pixel, levels: &mut [u8]| {
        if let Some(profile) = profile {
            to_srgb(profile, is_grey, pixel, levels);
        }
    };
    if image.color().has_alpha() {
        let mut image = image.into_rgba8();
        convert(Pixel::Rgba, &mut image);
        over_white(&image)
    } else {
        let mut image = image.into_rgb8();
        convert(Pixel::Rgb, &mut image);
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
