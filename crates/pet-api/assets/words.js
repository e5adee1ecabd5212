// Formatting of numbers and sentences for people.

const NARROW_SPACE = '\u202f';
const FIXED_SPACE = '\u00a0';

/** A share from 0 to 1 as a percentage. */
export function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)}${NARROW_SPACE}%`;
}

/** A number of bytes in a suitable unit. */
export function bytes(count) {
  if (count < 1000) return `${count}${FIXED_SPACE}bytes`;
  if (count < 1e6) return `${Math.round(count / 1000)}${FIXED_SPACE}kB`;
  return `${(count / 1e6).toFixed(1)}${FIXED_SPACE}MB`;
}

/** Milliseconds, with a decimal place only for small values. */
export function milliseconds(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)}${FIXED_SPACE}ms`;
}

/** Width by height. */
export function size(width, height) {
  return `${width} × ${height}`;
}

/** `image/jpeg` as JPEG. */
export function format(mediaType) {
  return mediaType.replace(/^image\/(x-)?/, '').toUpperCase();
}

/** A message of the service, which has no capital letter and no full stop, as a sentence. */
export function sentence(text) {
  const words = text.trim();
  if (words === '') return '';
  const first = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** A number with thousands separators. */
export function count(number) {
  return number.toLocaleString('en');
}
