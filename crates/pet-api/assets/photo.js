// The photograph that is shown, which all tabs share.

class Shown extends EventTarget {
  /** A `Photograph` that was opened, or nothing. */
  current = null;

  /** Shows it and tells everyone, once it is opened; nothing clears the page. */
  async show(photograph) {
    this.newest = photograph;
    await photograph?.open();
    // Another one was chosen meanwhile.
    if (this.newest !== photograph) return;
    this.current = photograph;
    this.dispatchEvent(new Event('change'));
  }

  get width() {
    return this.current?.width ?? 0;
  }

  get height() {
    return this.current?.height ?? 0;
  }
}

export const photo = new Shown();

/** Gives a frame the shape of the picture in it, so that what lies over it fits. */
export function fit(frame, width, height) {
  frame.style.setProperty('--width', width);
  frame.style.setProperty('--height', height);
}
