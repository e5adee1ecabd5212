// One photograph: its file, how the browser decodes it, and what is sent to the service.

import { formatOf, isAnimated, isRead } from './format.js';
import { around, known, reduction, seen } from './recipe.js';
import { bytes, size } from './words.js';

/** Number of pixels above which a photograph is downscaled before it is sent. */
const LARGE = 2e6;
/** Maximum number of pixels of an image that is only converted; browsers reject larger canvases. */
const MOST = 16e6;
const QUALITY = 0.92;
/** Quality of an image for people, not only for the model. */
const FINE_QUALITY = 0.95;

async function decode(url) {
  const picture = new Image();
  picture.src = url;
  return picture.decode().then(() => picture, () => null);
}

/** Draws an area of the image. Beyond the image, its edge colours continue. */
export function draw(picture, area, width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  // White behind transparent pixels, as in the service.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  const across = canvas.width / area.width;
  const down = canvas.height / area.height;
  const { naturalWidth, naturalHeight } = picture;
  const beyond = area.left < 0 || area.top < 0
    || area.left + area.width > naturalWidth || area.top + area.height > naturalHeight;
  if (beyond) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.drawImage(picture, -area.left * across, -area.top * down, naturalWidth * across, naturalHeight * down);
  return canvas;
}

async function toFile(canvas, name, quality) {
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
  if (!blob) throw new Error('the browser cannot encode the image');
  return new File([blob], `${name.replace(/\.[^.]*$/, '')}.jpg`, { type: 'image/jpeg' });
}

/** An opened file; `url` is missing if the browser cannot show it. */
export class Photograph {
  url = null;
  width = 0;
  height = 0;

  /** The latest prediction for it. */
  outcome = null;
  /** Why there is no prediction, as a sentence. */
  problem = null;
  #closing = new AbortController();

  constructor(file) {
    this.file = file;
    this.name = file.name;
  }

  /** Aborted once the photograph is no longer needed. */
  get closed() {
    return this.#closing.signal;
  }

  /** Reads the properties of a file, only once. */
  open() {
    this.opened ??= this.read();
    return this.opened;
  }

  async read() {
    this.format = await formatOf(this.file).catch(() => null);
    this.isAnimated = await isAnimated(this.file, this.format).catch(() => false);
    const url = URL.createObjectURL(this.file);
    const picture = await decode(url);
    if (!picture) return URL.revokeObjectURL(url);
    this.url = url;
    this.width = picture.naturalWidth;
    this.height = picture.naturalHeight;
    // A moving animation is better than no image.
    if (this.isAnimated) await this.hold(picture).catch(() => {});
    return this.url;
  }

  /** Stops an animation at the frame that the service uses. */
  async hold(picture) {
    const still = await toFile(draw(picture, this.all, this.width, this.height), this.name, FINE_QUALITY);
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(still);
  }

  get all() {
    return { left: 0, top: 0, width: this.width, height: this.height };
  }

  get isLarge() {
    return this.width * this.height > LARGE;
  }

  /** Whether the browser can read the format but the service cannot. */
  get isConverted() {
    return Boolean(this.url) && !isRead(this.format);
  }

  /** A thumbnail. */
  async thumbnail(side) {
    const picture = this.url && await decode(this.url);
    if (!picture) return null;
    const short = Math.min(this.width, this.height);
    const area = { left: (this.width - short) / 2, top: (this.height - short) / 2, width: short, height: short };
    return draw(picture, area, side, side);
  }

  /** The whole image in a format that the service reads. */
  async whole() {
    await this.open();
    if (!this.isConverted) return this.file;
    this.converted ??= this.convert();
    return this.converted;
  }

  async convert() {
    const scale = Math.min(1, Math.sqrt(MOST / (this.width * this.height)));
    const canvas = draw(await decode(this.url), this.all, this.width * scale, this.height * scale);
    return toFile(canvas, this.name, FINE_QUALITY);
  }

  /** What is sent so that the model sees `part`, or its usual part of the whole image: `file`, and the `area` that it shows. */
  async view(part = null) {
    await Promise.all([this.open(), known]);
    if (part) return this.cut(around(part));
    // If the browser has no memory for a canvas, the file itself is sent.
    const cut = this.url && this.isLarge && await this.cut(around(seen(this))).catch(() => null);
    return cut || { file: await this.whole(), area: this.all, width: this.width, height: this.height };
  }

  /** An area with as many pixels as the model needs. */
  async cut(area) {
    const scale = reduction(area);
    const canvas = draw(await decode(this.url), area, area.width * scale, area.height * scale);
    const file = await toFile(canvas, this.name, QUALITY);
    return { file, area, width: canvas.width, height: canvas.height };
  }

  /** A description of its size and format. */
  get facts() {
    const parts = [this.width ? size(this.width, this.height) : this.name, bytes(this.file.size)];
    if (this.format) parts.splice(1, 0, this.format);
    return parts.join(' · ');
  }

  /** Releases the browser's memory for it, and cancels pending work. */
  close() {
    this.#closing.abort();
    if (this.url) URL.revokeObjectURL(this.url);
  }
}
