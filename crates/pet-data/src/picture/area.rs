//! Parts of a picture.

/// A rectangle in shares of a picture's width and height, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// How many areas a picture is looked at by.
pub(super) const AREAS: usize = 28;

/// Sides of the parts that a cut-out is looked for in.
const SIDES: [f32; 3] = [0.9, 0.8, 0.7];

/// The smallest side of a part that still counts as the same picture.
const LEAST: f32 = 0.5;

impl Area {
    pub(super) const WHOLE: Self = Self {
        left: 0.0,
        top: 0.0,
        right: 1.0,
        bottom: 1.0,
    };

    /// The whole, then nine places for each of three sizes: a cut-out of any place and size from 65 % of the sides on
    /// differs from one of them by a twentieth of the sides or less.
    pub(super) fn all() -> [Self; AREAS] {
        let mut areas = [Self::WHOLE; AREAS];
        for (index, area) in areas.iter_mut().enumerate().skip(1) {
            let (side, place) = (SIDES[(index - 1) / 9], (index - 1) % 9);
            let free = (1.0 - side) / 2.0;
            let (left, top) = ((place % 3) as f32 * free, (place / 3) as f32 * free);
            *area = Self {
                left,
                top,
                right: left + side,
                bottom: top + side,
            };
        }
        areas
    }

    /// Areas that are `step` away: each edge moved, the whole moved, and made larger or smaller.
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
        MOVES
            .into_iter()
            .filter_map(move |[left, top, right, bottom]| {
                let moved = Self {
                    left: (self.left + step * left).max(0.0),
                    top: (self.top + step * top).max(0.0),
                    right: (self.right + step * right).min(1.0),
                    bottom: (self.bottom + step * bottom).min(1.0),
                };
                let large = moved.right - moved.left >= LEAST && moved.bottom - moved.top >= LEAST;
                (large && moved != self).then_some(moved)
            })
    }
}
