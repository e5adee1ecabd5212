// A box over the photograph, which is moved with the pointer and the keyboard.

import { element } from './elements.js';
import { clamp } from './geometry.js';
import { photo } from './photo.js';
import { size } from './words.js';
import { announce } from './work.js';

/** Milliseconds without a key before the box is announced, not for each of its steps. */
const KEY_PAUSE = 200;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The box; its user decides how it changes. */
export class Box {
  edges = { left: 0, top: 0, right: 1, bottom: 1 };

  /**
   * `grips` are the handles, named after the points of the compass, `label` is for screen readers, and these return the new box:
   * `move(box, x, y)`, `pull(box, grip, point)`, `begin(start, point, box)` if no handle was hit, `key(box, event)`.
   * `changed(box)` is called after a change. Outside a box with `scrolls`, a finger scrolls the page instead.
   */
  constructor(frame, { name, label, grips, ...hands }) {
    this.hands = hands;
    this.box = element('div', { className: `box ${name}-box`, tabIndex: 0, role: 'group', ariaLabel: label });
    for (const grip of grips) {
      const handle = element('span', { className: 'grip' });
      handle.dataset.grip = grip;
      this.box.append(handle);
    }
    this.layer = element('div', { className: `layer ${name}-layer` }, this.box);
    frame.append(this.layer);
    this.layer.addEventListener('pointerdown', (event) => this.drag(event));
    this.box.addEventListener('keydown', (event) => this.nudge(event));
  }

  /** Sets the edges of the box, in pixels of the photograph. */
  draw(edges) {
    this.edges = edges;
    const place = (edge, value) => this.layer.style.setProperty(`--${edge}`, clamp(value, 0, 1));
    place('left', edges.left / photo.width);
    place('top', edges.top / photo.height);
    place('right', 1 - edges.right / photo.width);
    place('bottom', 1 - edges.bottom / photo.height);
  }

  change(edges) {
    this.draw(edges);
    this.hands.changed(edges);
  }

  /** Where the pointer is, in pixels of the photograph. */
  point(event) {
    const area = this.layer.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) / area.width) * photo.width,
      y: ((event.clientY - area.top) / area.height) * photo.height,
    };
  }

  drag(event) {
    if (event.button !== 0 || !photo.width) return;
    const { grip } = event.target.dataset;
    const inside = event.target === this.box;
    if (this.hands.scrolls && event.pointerType === 'touch' && !grip && !inside) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    const start = this.point(event);
    const box = this.edges;
    const follow = (move) => {
      const point = this.point(move);
      if (grip) this.change(this.hands.pull(box, grip, point));
      else if (inside) this.change(this.hands.move(box, point.x - start.x, point.y - start.y));
      else this.change(this.hands.begin(start, point, box));
    };
    this.layer.setPointerCapture(event.pointerId);
    this.layer.addEventListener('pointermove', follow);
    this.layer.addEventListener('lostpointercapture', () => {
      this.layer.removeEventListener('pointermove', follow);
    }, { once: true });
  }

  nudge(event) {
    const step = event.shiftKey ? 10 : 1;
    const by = STEPS[event.key]?.map((side) => side * step);
    const box = by ? this.hands.move(this.edges, ...by) : this.hands.key?.(this.edges, event);
    if (!box) return;
    event.preventDefault();
    this.change(box);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.announce(), KEY_PAUSE);
  }

  announce() {
    const { left, top, right, bottom } = this.edges;
    announce(`${size(right - left, bottom - top)} pixels, ${left} from the left, ${top} from the top.`);
  }
}
