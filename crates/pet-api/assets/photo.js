// The one photograph that all tabs share.

import { bytes, format, size } from './words.js';

class Photograph extends EventTarget {
  file = null;
  width = 0;
  height = 0;
  /** Whether it is one of the page's own drawings. */
  drawn = false;

  /** Shows the file and tells everyone, once its size is known. */
  async take(file, drawn = false) {
    this.newest = file;
    const url = URL.createObjectURL(file);
    const picture = new Image();
    picture.src = url;
    const shown = await picture.decode().then(() => true, () => false);
    // Another one was taken while this one was being decoded.
    if (this.newest !== file) {
      URL.revokeObjectURL(url);
      return;
    }
    this.release?.();
    this.release = () => URL.revokeObjectURL(url);
    Object.assign(this, {
      file,
      drawn,
      url: shown ? url : null,
      width: shown ? picture.naturalWidth : 0,
      height: shown ? picture.naturalHeight : 0,
    });
    this.dispatchEvent(new Event('change'));
  }

  /** Its size and format in words. */
  get facts() {
    const parts = [bytes(this.file.size)];
    if (this.file.type.startsWith('image/')) parts.unshift(format(this.file.type));
    parts.unshift(this.width ? size(this.width, this.height) : this.file.name);
    return parts.join(' · ');
  }
}

export const photo = new Photograph();

/** Gives a frame the shape of the picture in it, so that what lies over it fits. */
export function fit(frame, width, height) {
  frame.style.setProperty('--width', width);
  frame.style.setProperty('--height', height);
}
