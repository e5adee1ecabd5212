use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{HORIZON, anywhere, band, nature};
use crate::sample::draw::{Canvas, Colour, SIDE, Shape, one_of};

const FLOWERS: [Colour; 4] = [
    Colour::hex(0xf8_f4_f0),
    Colour::hex(0xf0_88_b0),
    Colour::hex(0xf4_e0_50),
    Colour::hex(0xa0_80_e0),
];
const AUTUMN: [Colour; 4] = [
    Colour::hex(0xd8_70_30),
    Colour::hex(0xe0_a8_38),
    Colour::hex(0xb8_48_30),
    Colour::hex(0x90_90_40),
];

pub(super) fn meadow(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let sky = Colour::hex(0x70_b8_f0).varied(0.06, random);
    band(canvas, (0.0, sky), (HORIZON + 10.0, sky.lighter(0.65)));
    sun(canvas, random);
    clouds(canvas, random);
    let green = Colour::hex(0x78_b8_50).varied(0.06, random);
    nature::hill(
        canvas,
        HORIZON - random.random_range(15.0..45.0),
        green.lighter(0.25),
        random,
    );
    band(
        canvas,
        (HORIZON, green.lighter(0.08)),
        (SIDE, green.darker(0.2)),
    );
    nature::grass(canvas, (HORIZON + 6.0, SIDE), green.darker(0.28), random);
    for _ in 0..random.random_range(6..18) {
        let at = anywhere(random, HORIZON + 8.0, SIDE);
        nature::flower(canvas, at, one_of(&FLOWERS, random));
    }
}

pub(super) fn park(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let sky = Colour::hex(0xd8_e0_e4).varied(0.06, random);
    band(canvas, (0.0, sky), (HORIZON, Colour::hex(0xf8_ec_d4)));
    for _ in 0..random.random_range(4..8) {
        let at = anywhere(random, HORIZON - 4.0, HORIZON + 8.0);
        let crown = one_of(&AUTUMN, random).varied(0.04, random);
        nature::tree(canvas, at, random.random_range(60.0..110.0), crown);
    }
    let lawn = Colour::hex(0xa4_a4_58).varied(0.05, random);
    band(canvas, (HORIZON, lawn), (SIDE, lawn.darker(0.22)));
    for _ in 0..40 {
        let at = anywhere(random, HORIZON + 6.0, SIDE);
        let leaf = Shape::ellipse(at, (4.5, 2.2)).turned(random.random_range(0.0..180.0), at);
        canvas.fill(&leaf, one_of(&AUTUMN, random));
    }
}

pub(super) fn beach(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let sky = Colour::hex(0x8c_cc_f4).varied(0.07, random);
    let sea = Colour::hex(0x30_94_b8).varied(0.06, random);
    let shore = HORIZON + random.random_range(0.0..14.0);
    band(canvas, (0.0, sky), (110.0, sky.lighter(0.6)));
    sun(canvas, random);
    clouds(canvas, random);
    band(canvas, (110.0, sea.darker(0.15)), (shore, sea.lighter(0.3)));
    for _ in 0..10 {
        let (x, y) = anywhere(random, 116.0, shore - 6.0);
        canvas.stroke(
            &Shape::curve(&[(x, y), (x + 9.0, y - 2.0), (x + 18.0, y)]),
            sea.lighter(0.6),
            1.5,
        );
    }
    let sand = Colour::hex(0xec_d8_a4).varied(0.04, random);
    band(canvas, (shore, sand), (SIDE, sand.darker(0.15)));
    canvas.stroke(
        &Shape::curve(&[
            (0.0, shore),
            (90.0, shore + 4.0),
            (170.0, shore - 2.0),
            (SIDE, shore + 2.0),
        ]),
        Colour::WHITE,
        4.0,
    );
    for _ in 0..50 {
        let at = anywhere(random, shore + 8.0, SIDE);
        canvas.fill(&Shape::ellipse(at, (1.2, 0.9)), sand.darker(0.3));
    }
}

pub(super) fn snow(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let sky = Colour::hex(0xa8_bc_d4).varied(0.06, random);
    band(canvas, (0.0, sky), (HORIZON, sky.lighter(0.6)));
    for _ in 0..random.random_range(3..7) {
        let at = anywhere(random, HORIZON - 2.0, HORIZON + 10.0);
        nature::fir(canvas, at, random.random_range(60.0..120.0));
    }
    let ground = Colour::hex(0xe4_ec_f6);
    band(canvas, (HORIZON, ground), (SIDE, Colour::hex(0xc4_d4_e8)));
    nature::hill(canvas, HORIZON - 4.0, ground, random);
    for _ in 0..60 {
        let at = anywhere(random, 0.0, SIDE);
        let radius = random.random_range(1.0..2.4);
        canvas.tint(&Shape::ellipse(at, (radius, radius)), Colour::WHITE, 0.9);
    }
}

pub(super) fn night(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let sky = Colour::hex(0x30_40_78).varied(0.05, random);
    band(canvas, (0.0, sky), (HORIZON, sky.lighter(0.4)));
    for _ in 0..45 {
        let at = anywhere(random, 0.0, 130.0);
        let radius = random.random_range(0.6..1.6);
        canvas.fill(
            &Shape::ellipse(at, (radius, radius)),
            Colour::hex(0xf8_f4_d8),
        );
    }
    let (x, y) = (
        random.random_range(25.0..230.0),
        random.random_range(22.0..60.0),
    );
    canvas.tint(
        &Shape::ellipse((x, y), (30.0, 30.0)),
        Colour::hex(0xf8_f0_c8),
        0.18,
    );
    canvas.fill_round(
        &Shape::ellipse((x, y), (19.0, 19.0)),
        Colour::hex(0xf8_f0_c8),
    );
    canvas.tint(
        &Shape::ellipse((x + 5.0, y + 4.0), (4.0, 4.0)),
        Colour::hex(0xc8_b8_88),
        0.6,
    );
    let ground = Colour::hex(0x4c_70_68).varied(0.04, random);
    nature::hill(
        canvas,
        HORIZON - random.random_range(12.0..34.0),
        ground.darker(0.25),
        random,
    );
    band(canvas, (HORIZON, ground), (SIDE, ground.darker(0.25)));
    nature::grass(canvas, (HORIZON + 6.0, SIDE), ground.darker(0.35), random);
}

fn sun(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let at = (
        random.random_range(15.0..240.0),
        random.random_range(18.0..50.0),
    );
    let yellow = Colour::hex(0xff_ec_90);
    canvas.tint(&Shape::ellipse(at, (30.0, 30.0)), yellow, 0.3);
    canvas.fill(&Shape::ellipse(at, (18.0, 18.0)), yellow);
}

fn clouds(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(0..4) {
        let at = anywhere(random, 15.0, 80.0);
        nature::cloud(canvas, at, random.random_range(13.0..24.0), Colour::WHITE);
    }
}
