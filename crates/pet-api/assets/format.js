// The format of a file, detected from its content as in the service.

/** Formats that the service reads. */
const READ = ['JPEG', 'PNG', 'GIF', 'WebP', 'BMP', 'TIFF'];
/** Number of bytes that the signatures need. */
const HEAD = 32;
/** Number of bytes in which an animated PNG must be marked as such: those before its pixels. */
const PNG_HEAD = 65_536;

const BRANDS = { avif: 'AVIF', avis: 'AVIF', heic: 'HEIC', heix: 'HEIC', hevc: 'HEIC', mif1: 'HEIC', msf1: 'HEIC' };
const SIGNATURES = [
  ['JPEG', '\xff\xd8\xff'],
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['GIF', 'GIF8'],
  ['BMP', 'BM'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
];

async function bytes(file, end) {
  return new Uint8Array(await file.slice(0, end).arrayBuffer());
}

function latin(content) {
  return Array.from(content, (byte) => String.fromCharCode(byte)).join('');
}

/** The name of the format or of the media type, or nothing. */
export async function formatOf(file) {
  const head = latin(await bytes(file, HEAD));
  const found = SIGNATURES.find(([, signature]) => head.startsWith(signature));
  // Raw photographs are TIFF files too.
  const isRaw = found?.[0] === 'TIFF' && /x-|dng/.test(file.type);
  if (found && !isRaw) return found[0];
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'WebP';
  if (head.startsWith('ftyp', 4)) return BRANDS[head.slice(8, 12)] ?? null;
  return file.type.startsWith('image/') ? file.type.replace(/^image\/(x-)?/, '').replace(/\+.*/, '').toUpperCase() : null;
}

/** Whether the service reads the format. */
export function isRead(format) {
  return READ.includes(format);
}

/** Skips blocks of data up to an empty one. */
function afterBlocks(content, start) {
  let at = start;
  while (at < content.length && content[at] !== 0) at += content[at] + 1;
  return at + 1;
}

/** The position after a colour table, whose size is in the flags. */
function afterTable(flags) {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

function gifHasFrames(content) {
  let frames = 0;
  let at = 13 + afterTable(content[10]);
  while (at < content.length && frames < 2) {
    if (content[at] === 0x21) {
      at = afterBlocks(content, at + 2);
    } else if (content[at] === 0x2c) {
      frames += 1;
      at = afterBlocks(content, at + 11 + afterTable(content[at + 9]));
    } else break;
  }
  return frames > 1;
}

/** Whether the file is an animation, of which only the first frame is used. */
export async function isAnimated(file, format) {
  if (format === 'GIF') return gifHasFrames(await bytes(file));
  if (format === 'PNG') return latin(await bytes(file, PNG_HEAD)).includes('acTL');
  const head = await bytes(file, HEAD);
  if (format === 'WebP') return latin(head).startsWith('VP8X', 12) && (head[20] & 2) !== 0;
  return format === 'AVIF' && latin(head).startsWith('avis', 8);
}
