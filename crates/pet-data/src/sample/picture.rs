use pet_image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::animal::{self, Look, Pose};
use super::breed::Breed;
use super::draw::{Canvas, Colour, SIDE, Shape};
use super::light::Light;
use super::scene::Scene;

/// Draws one picture; nothing for a size that cannot be.
///
/// Equal arguments give equal pixels. Each `stream` of a seed is a picture of its own.
pub(super) fn draw(breed: &'static Breed, size: u32, seed: u64, stream: u64) -> Option<RgbImage> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);

    let mut canvas = Canvas::new(size)?;
    Scene::any(&mut random).draw(&mut canvas, &mut random);
    draw_animal(&mut canvas, breed, &mut random);

    let pixels = canvas
        .pixels()
        .flat_map(|[red, green, blue, _]| [red, green, blue])
        .collect();
    let mut image = RgbImage::from_raw(size, size, pixels)?;
    Light::any(&mut random).apply(&mut image, &mut random);
    Some(image)
}

fn draw_animal(canvas: &mut Canvas, breed: &'static Breed, random: &mut ChaCha8Rng) {
    let look = Look::any(breed, random);
    let pose = Pose::any(random);
    let (scale, foot) = match pose {
        Pose::Portrait => (
            random.random_range(0.95..1.12),
            random.random_range(232.0..256.0),
        ),
        Pose::Lying => (
            random.random_range(1.05..1.3),
            random.random_range(212.0..240.0),
        ),
        Pose::Sitting => (
            random.random_range(0.9..1.06),
            random.random_range(222.0..244.0),
        ),
        Pose::Standing => (
            random.random_range(0.95..1.12),
            random.random_range(216.0..240.0),
        ),
    };
    let x = 0.5 * SIDE + random.random_range(-16.0..16.0);
    let mirror = if random.random_bool(0.5) { -1.0 } else { 1.0 };
    if pose != Pose::Portrait {
        let shadow = Shape::ellipse((x, foot + 2.0), (74.0 * scale, 11.0 * scale));
        canvas.tint(&shadow, Colour::BLACK, 0.28);
    }
    canvas.placed((x, foot), (mirror * scale, scale), 0.0, |canvas| {
        animal::draw(canvas, &look, pose, random);
    });
}
