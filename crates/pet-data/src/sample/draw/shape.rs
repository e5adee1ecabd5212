use tiny_skia::{Path, PathBuilder, Rect, Transform};

/// Right and down, in the units of the current place.
pub(in crate::sample) type Point = (f32, f32);

/// An outline. One without extent is nothing, and draws nothing.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Shape(Option<Path>);

impl Shape {
    pub(in crate::sample) fn ellipse(center: Point, radii: Point) -> Self {
        let (width, height) = (2.0 * radii.0, 2.0 * radii.1);
        let oval = Rect::from_xywh(center.0 - radii.0, center.1 - radii.1, width, height);
        Self(oval.and_then(PathBuilder::from_oval))
    }

    pub(in crate::sample) fn rectangle(left_top: Point, right_bottom: Point) -> Self {
        let rect = Rect::from_ltrb(left_top.0, left_top.1, right_bottom.0, right_bottom.1);
        Self(rect.map(PathBuilder::from_rect))
    }

    /// Straight lines from point to point and back to the first.
    pub(in crate::sample) fn polygon(points: &[Point]) -> Self {
        let mut builder = PathBuilder::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            if index == 0 {
                builder.move_to(x, y);
            } else {
                builder.line_to(x, y);
            }
        }
        builder.close();
        Self(builder.finish())
    }

    /// A round outline through all points and back to the first.
    pub(in crate::sample) fn smooth(points: &[Point]) -> Self {
        let around: Vec<Point> = points
            .iter()
            .copied()
            .cycle()
            .skip(points.len().max(1) - 1)
            .take(points.len() + 3)
            .collect();
        let mut builder = spline(&around);
        builder.close();
        Self(builder.finish())
    }

    /// As [`smooth`](Self::smooth), through the points and their mirror images left of `x = 0`.
    /// The points run from the top to the bottom.
    pub(in crate::sample) fn symmetric(right_half: &[Point]) -> Self {
        let left = right_half
            .iter()
            .rev()
            .filter(|point| point.0 > 0.0)
            .map(|&(x, y)| (-x, y));
        Self::smooth(&right_half.iter().copied().chain(left).collect::<Vec<_>>())
    }

    /// A round line through all points, for strokes.
    pub(in crate::sample) fn curve(points: &[Point]) -> Self {
        let ends = points
            .first()
            .into_iter()
            .chain(points)
            .chain(points.last());
        Self(spline(&ends.copied().collect::<Vec<_>>()).finish())
    }

    /// Turned by `degrees` around `center`, clockwise.
    pub(in crate::sample) fn turned(self, degrees: f32, center: Point) -> Self {
        let turn = Transform::from_rotate_at(degrees, center.0, center.1);
        Self(self.0.and_then(|path| path.transform(turn)))
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_ref()
    }
}

/// Catmull-Rom through all points but the first and the last, which give the directions there.
fn spline(points: &[Point]) -> PathBuilder {
    let mut builder = PathBuilder::new();
    if let Some(&(x, y)) = points.get(1) {
        builder.move_to(x, y);
    }
    for window in points.windows(4) {
        let &[before, from, to, after] = window else {
            continue;
        };
        let control = |at: Point, one: Point, two: Point, sign: f32| {
            (
                at.0 + sign * (two.0 - one.0) / 6.0,
                at.1 + sign * (two.1 - one.1) / 6.0,
            )
        };
        let first = control(from, before, to, 1.0);
        let second = control(to, from, after, -1.0);
        builder.cubic_to(first.0, first.1, second.0, second.1, to.0, to.1);
    }
    builder
}
