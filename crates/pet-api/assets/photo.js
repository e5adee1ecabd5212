// The current photograph, which all tabs share.

class Shown extends EventTarget {
  /** A `Photograph` that was opened, or nothing. */
  current = null;

  /** Shows it and notifies all listeners once it is opened; without one, clears the page. */
  async show(photograph) {
    this.newest = photograph;
    await photograph?.open();
    // Another one was chosen in the meantime.
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

/** Gives a frame the aspect ratio of its image, so that overlays fit. */
export function fit(frame, width, height) {
  frame.style.setProperty('--width', width);
  frame.style.setProperty('--height', height);
}
