use super::draw::Colour;

/// A class of the sample: what all its animals have in common.
#[derive(Debug)]
pub(super) struct Breed {
    /// Name of the class and of its folder.
    pub(super) name: &'static str,
    pub(super) species: Species,
    /// The main colours of the coat; each animal has one of them, varied.
    pub(super) coats: &'static [Colour],
    /// Chest and muzzle.
    pub(super) light: Colour,
    /// What markings are drawn with.
    pub(super) dark: Colour,
    pub(super) markings: Markings,
    pub(super) ears: Ears,
    pub(super) eyes: &'static [Colour],
    pub(super) outline: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Species {
    Cat,
    Dog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markings {
    Plain,
    /// Dark bands over the back, the legs and the tail, and an `M` on the forehead.
    Stripes,
    /// Dark spots all over.
    Spots,
    /// Dark face, ears, legs and tail.
    Points,
    /// Dark above, white below, with a white face.
    Mask,
    /// Long hair at the chest and the tail.
    Feathers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ears {
    Pointed,
    Floppy,
}

/// The classes in the order of their names.
pub(super) static BREEDS: [Breed; 6] = [
    Breed {
        name: "Black Cat",
        species: Species::Cat,
        coats: &[
            Colour::hex(0x2a_28_2e),
            Colour::hex(0x24_27_30),
            Colour::hex(0x30_2a_2a),
        ],
        light: Colour::hex(0x3c_3a_42),
        dark: Colour::hex(0x16_15_1a),
        markings: Markings::Plain,
        ears: Ears::Pointed,
        eyes: &[
            Colour::hex(0xf2_c8_2e),
            Colour::hex(0xa8_d0_38),
            Colour::hex(0xe8_a0_20),
        ],
        outline: Colour::hex(0x0c_0b_10),
    },
    Breed {
        name: "Dalmatian Dog",
        species: Species::Dog,
        coats: &[Colour::hex(0xf4_f2_ee), Colour::hex(0xec_ea_ea)],
        light: Colour::hex(0xfc_fa_f6),
        dark: Colour::hex(0x22_20_22),
        markings: Markings::Spots,
        ears: Ears::Floppy,
        eyes: &[Colour::hex(0x5a_36_1c), Colour::hex(0x3a_26_18)],
        outline: Colour::hex(0x4a_46_48),
    },
    Breed {
        name: "Ginger Cat",
        species: Species::Cat,
        coats: &[
            Colour::hex(0xf0_96_38),
            Colour::hex(0xe4_84_2c),
            Colour::hex(0xf4_a8_50),
        ],
        light: Colour::hex(0xff_ea_cc),
        dark: Colour::hex(0xb8_56_14),
        markings: Markings::Stripes,
        ears: Ears::Pointed,
        eyes: &[
            Colour::hex(0x7c_b4_40),
            Colour::hex(0xc8_a0_28),
            Colour::hex(0x58_a4_60),
        ],
        outline: Colour::hex(0x6e_34_10),
    },
    Breed {
        name: "Golden Dog",
        species: Species::Dog,
        coats: &[
            Colour::hex(0xe0_b0_60),
            Colour::hex(0xd4_9c_4c),
            Colour::hex(0xec_c4_80),
        ],
        light: Colour::hex(0xf8_e4_b8),
        dark: Colour::hex(0xb8_80_38),
        markings: Markings::Feathers,
        ears: Ears::Floppy,
        eyes: &[Colour::hex(0x4a_2c_14), Colour::hex(0x38_20_10)],
        outline: Colour::hex(0x70_4c_1c),
    },
    Breed {
        name: "Husky Dog",
        species: Species::Dog,
        coats: &[
            Colour::hex(0x6c_74_80),
            Colour::hex(0x56_5c_66),
            Colour::hex(0x7c_80_88),
        ],
        light: Colour::hex(0xf8_f8_fa),
        dark: Colour::hex(0x3e_44_4e),
        markings: Markings::Mask,
        ears: Ears::Pointed,
        eyes: &[Colour::hex(0x6c_c0_f0), Colour::hex(0x4c_a0_e0)],
        outline: Colour::hex(0x2a_2e_36),
    },
    Breed {
        name: "Siamese Cat",
        species: Species::Cat,
        coats: &[
            Colour::hex(0xf0_e2_c8),
            Colour::hex(0xea_d8_bc),
            Colour::hex(0xf4_ea_d8),
        ],
        light: Colour::hex(0xfa_f2_e2),
        dark: Colour::hex(0x54_3c_30),
        markings: Markings::Points,
        ears: Ears::Pointed,
        eyes: &[Colour::hex(0x48_9c_ec), Colour::hex(0x5c_b0_f4)],
        outline: Colour::hex(0x4c_38_2c),
    },
];
