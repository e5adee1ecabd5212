// Boxes in whole pixels of an image, and how they change.

/** Minimum side of a square that is drawn by hand, as a share of the image's shorter side. */
const LEAST = 0.1;

export const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** The box between two corners, clipped to the image. */
export function between(first, second, { width, height }) {
  const [left, right] = [first.x, second.x].sort((a, b) => a - b);
  const [top, bottom] = [first.y, second.y].sort((a, b) => a - b);
  const low = { left: clamp(Math.round(left), 0, width - 1), top: clamp(Math.round(top), 0, height - 1) };
  return {
    ...low,
    right: clamp(Math.round(right), low.left + 1, width),
    bottom: clamp(Math.round(bottom), low.top + 1, height),
  };
}

/** The box moved, but not beyond the image. */
export function moved(box, x, y, { width, height }) {
  const byX = clamp(Math.round(x), -box.left, width - box.right);
  const byY = clamp(Math.round(y), -box.top, height - box.bottom);
  return { left: box.left + byX, top: box.top + byY, right: box.right + byX, bottom: box.bottom + byY };
}

/** The box with the edges of a handle moved to a point. */
export function stretched(box, grip, point, picture) {
  const first = { x: grip.includes('w') ? point.x : box.left, y: grip.includes('n') ? point.y : box.top };
  const second = { x: grip.includes('e') ? point.x : box.right, y: grip.includes('s') ? point.y : box.bottom };
  return between(first, second, picture);
}

function leastSide({ width, height }) {
  return Math.max(1, Math.round(Math.min(width, height) * LEAST));
}

/** The square with the corner of a handle moved towards a point; the opposite corner stays. */
export function stretchedSquare(box, grip, point, picture) {
  const west = grip.includes('w');
  const north = grip.includes('n');
  const still = { x: west ? box.right : box.left, y: north ? box.bottom : box.top };
  const room = Math.min(west ? still.x : picture.width - still.x, north ? still.y : picture.height - still.y);
  const wanted = Math.max(west ? still.x - point.x : point.x - still.x, north ? still.y - point.y : point.y - still.y);
  const side = clamp(Math.round(wanted), Math.min(leastSide(picture), room), room);
  const left = west ? still.x - side : still.x;
  const top = north ? still.y - side : still.y;
  return { left, top, right: left + side, bottom: top + side };
}

/** The box with other sides and the same center, but not beyond the image. A square stays one. */
export function resized(box, by, picture, isSquare) {
  const short = Math.min(picture.width, picture.height);
  const side = (low, high, end) => {
    const length = clamp(high - low + by, leastSide(picture), isSquare ? short : end);
    const start = clamp(Math.round((low + high - length) / 2), 0, end - length);
    return [start, start + length];
  };
  const [left, right] = side(box.left, box.right, picture.width);
  const [top, bottom] = side(box.top, box.bottom, picture.height);
  return { left, top, right, bottom };
}
