// The box of the tab Crop. The number fields hold its edges; the box shows them.

import { Box } from './box.js';
import { between, moved, stretched } from './geometry.js';
import { photo } from './photo.js';

const SHARE_AT_FIRST = 0.6;
const EDGES = ['left', 'top', 'right', 'bottom'];

function read(form) {
  return Object.fromEntries(EDGES.map((edge) => [edge, Number(form.elements[edge].value)]));
}

function write(form, box) {
  for (const edge of EDGES) form.elements[edge].value = box[edge];
  form.dispatchEvent(new Event('input', { bubbles: true }));
}

/** A box in the middle of the new photograph. */
function restart(form) {
  if (!photo.width) return;
  for (const edge of EDGES) {
    form.elements[edge].max = edge === 'left' || edge === 'right' ? photo.width : photo.height;
  }
  const side = (1 - SHARE_AT_FIRST) / 2;
  const corner = (share) => ({ x: photo.width * share, y: photo.height * share });
  write(form, between(corner(side), corner(1 - side), photo));
}

/** Puts the box over the photograph in `frame`, kept in the fields of `form`. */
export function start(frame, form) {
  const box = new Box(frame, {
    name: 'crop',
    label: 'Crop box: arrow keys move it',
    grips: ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'],
    move: (edges, x, y) => moved(edges, x, y, photo),
    pull: (edges, grip, point) => stretched(edges, grip, point, photo),
    begin: (from, to) => between(from, to, photo),
    changed: (edges) => write(form, edges),
  });
  form.addEventListener('input', () => box.draw(read(form)));
  photo.addEventListener('change', () => restart(form));
}
