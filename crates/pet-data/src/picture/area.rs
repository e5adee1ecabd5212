//! Areas of an image.

/// A rectangle in fractions of an image's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// Number of areas that are hashed for each image.
pub(super) const AREAS: usize = 28;

/// Sides of the areas besides the whole.
const SIDES: [f32; 3] = [0.9, 0.8, 0.7];

/// The smallest side of a crop that still counts as the same image.
const MIN_SIDE: f32 = 0.5;

impl Area {
    pub(super) const WHOLE: Self = Self { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

    /// The whole, then nine positions for each of three sizes: any crop of at least 65 % of the sides differs from one
    /// of them by at most a twentieth of the sides.
    pub(super) fn all() -> [Self; AREAS] {
        let mut areas = [Self::WHOLE; AREAS];
        for (index, area) in areas.iter_mut().enumerate().skip(1) {
            let (side, position) = (SIDES[(index - 1) / 9], (index - 1) % 9);
            let free = (1.0 - side) / 2.0;
            let (left, top) = ((position % 3) as f32 * free, (position / 3) as f32 * free);
            *area = Self { left, top, right: left + side, bottom: top + side };
        }
        areas
    }

    /// Areas at distance `step`: with one edge moved, shifted, enlarged or shrunk.
    pub(super) fn around(self, step: f32) -> impl Iterator<Item = Self> {
        const MOVES: [[f32; 4]; 14] = [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [-1.0, 0.0, 0.0, 0.0],
            [0.0, -1.0, 0.0, 0.0],
            [0.0, 0.0, -1.0, 0.0],
            [0.0, 0.0, 0.0, -1.0],
            [1.0, 0.0, 1.0, 0.0],
            [-1.0, 0.0, -1.0, 0.0],
            [0.0, 1.0, 0.0, 1.0],
            [0.0, -1.0, 0.0, -1.0],
            [1.0, 1.0, -1.0, -1.0],
            [-1.0, -1.0, 1.0, 1.0],
        ];
        MOVES.into_iter().filter_map(move |[left, top, right, bottom]| {
            let moved = Self {
                left: (self.left + step * left).max(0.0),
                top: (self.top + step * top).max(0.0),
                right: (self.right + step * right).min(1.0),
                bottom: (self.bottom + step * bottom).min(1.0),
            };
            let large =
                moved.right - moved.left >= MIN_SIDE && moved.bottom - moved.top >= MIN_SIDE;
            (large && moved != self).then_some(moved)
        })
    }
}
