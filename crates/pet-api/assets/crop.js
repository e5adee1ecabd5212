// The box that is dragged over the photograph. The number fields hold its edges; the box shows them.

import { photo } from './photo.js';

const SHARE_AT_FIRST = 0.6;
const EDGES = ['left', 'top', 'right', 'bottom'];
const GRIPS = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** The box between two corners, in whole pixels of the photograph and inside of it. */
function between(first, second) {
  const [left, right] = [first.x, second.x].sort((a, b) => a - b);
  const [top, bottom] = [first.y, second.y].sort((a, b) => a - b);
  const low = { left: clamp(Math.round(left), 0, photo.width - 1), top: clamp(Math.round(top), 0, photo.height - 1) };
  return {
    ...low,
    right: clamp(Math.round(right), low.left + 1, photo.width),
    bottom: clamp(Math.round(bottom), low.top + 1, photo.height),
  };
}

/** The box moved as far as the photograph goes. */
function moved(box, x, y) {
  const byX = clamp(Math.round(x), -box.left, photo.width - box.right);
  const byY = clamp(Math.round(y), -box.top, photo.height - box.bottom);
  return { left: box.left + byX, top: box.top + byY, right: box.right + byX, bottom: box.bottom + byY };
}

/** The box with the edges that a grip names brought to a point. */
function stretched(box, grip, point) {
  const first = { x: grip.includes('w') ? point.x : box.left, y: grip.includes('n') ? point.y : box.top };
  const second = { x: grip.includes('e') ? point.x : box.right, y: grip.includes('s') ? point.y : box.bottom };
  return between(first, second);
}

/** The box over the photograph in `frame`, kept in the fields of `form`. */
export class CropBox {
  constructor(frame, form) {
    this.frame = frame;
    this.form = form;
    this.layer = document.createElement('div');
    this.layer.className = 'crop-layer';
    this.box = document.createElement('div');
    this.box.className = 'crop-box';
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'group');
    this.box.setAttribute('aria-label', 'Crop box: arrow keys move it');
    for (const grip of GRIPS) {
      const handle = document.createElement('span');
      handle.className = 'grip';
      handle.dataset.grip = grip;
      this.box.append(handle);
    }
    this.layer.append(this.box);
    frame.append(this.layer);
    this.listen();
  }

  listen() {
    this.layer.addEventListener('pointerdown', (event) => this.drag(event));
    this.box.addEventListener('keydown', (event) => this.nudge(event));
    this.form.addEventListener('input', () => this.draw());
    photo.addEventListener('change', () => this.restart());
  }

  get edges() {
    return Object.fromEntries(EDGES.map((edge) => [edge, Number(this.form.elements[edge].value)]));
  }

  set edges(box) {
    for (const edge of EDGES) this.form.elements[edge].value = box[edge];
    this.form.dispatchEvent(new Event('input', { bubbles: true }));
  }

  /** A box in the middle of the new photograph. */
  restart() {
    if (!photo.width) return;
    for (const edge of EDGES) {
      this.form.elements[edge].max = edge === 'left' || edge === 'right' ? photo.width : photo.height;
    }
    const side = (1 - SHARE_AT_FIRST) / 2;
    const corner = (share) => ({ x: photo.width * share, y: photo.height * share });
    this.edges = between(corner(side), corner(1 - side));
  }

  draw() {
    const box = this.edges;
    const place = (edge, value) => this.box.style.setProperty(`--${edge}`, clamp(value, 0, 1));
    place('left', box.left / photo.width);
    place('top', box.top / photo.height);
    place('right', 1 - box.right / photo.width);
    place('bottom', 1 - box.bottom / photo.height);
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
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    const start = this.point(event);
    const box = this.edges;
    const grip = event.target.dataset.grip;
    const inside = event.target === this.box;
    const follow = (move) => {
      const point = this.point(move);
      if (grip) this.edges = stretched(box, grip, point);
      else if (inside) this.edges = moved(box, point.x - start.x, point.y - start.y);
      else this.edges = between(start, point);
    };
    this.layer.setPointerCapture(event.pointerId);
    this.layer.addEventListener('pointermove', follow);
    this.layer.addEventListener('lostpointercapture', () => {
      this.layer.removeEventListener('pointermove', follow);
    }, { once: true });
  }

  nudge(event) {
    const step = event.shiftKey ? 10 : 1;
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const by = steps[event.key];
    if (!by) return;
    event.preventDefault();
    this.edges = moved(this.edges, ...by);
  }
}
