use rand::Rng;

/// How an animal holds itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sample) enum Pose {
    /// Upright, seen from the front.
    Sitting,
    /// On four legs, seen from the side.
    Standing,
    /// On its belly, seen from the side.
    Lying,
    /// Head and shoulders, close up.
    Portrait,
}

impl Pose {
    pub(in crate::sample) fn any(random: &mut impl Rng) -> Self {
        match random.random_range(0..10) {
            0..4 => Self::Sitting,
            4..6 => Self::Standing,
            6..8 => Self::Lying,
            _ => Self::Portrait,
        }
    }
}
