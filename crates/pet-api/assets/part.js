// The square that the model sees, over the photograph. Moving it to the animal predicts that part alone.

import { answers } from './answers.js';
import { Box } from './box.js';
import { find } from './elements.js';
import { between, moved, resized, stretched, stretchedSquare } from './geometry.js';
import { photo } from './photo.js';
import { predictPart, predictWhole } from './predict.js';
import { known, seen, seesSquare } from './recipe.js';

const ALL = 'The model sees the whole photo. To predict only one animal, drag the corners around it, or use minus, plus and the arrow keys.';

const controls = find('part');
const predictButton = find('part-predict');
const hint = find('part-hint');
const wholeButton = find('part-whole');

function rounded(box) {
  const [left, top] = [Math.round(box.left), Math.round(box.top)];
  if (!seesSquare()) return { left, top, right: Math.round(box.right), bottom: Math.round(box.bottom) };
  const side = Math.floor(box.right - box.left);
  return { left, top, right: left + side, bottom: top + side };
}

const isSame = (one, other) => Object.keys(one).every((edge) => one[edge] === other[edge]);

/** The part that the current prediction is for. */
function answered() {
  return photo.current.outcome?.part ?? rounded(seen(photo));
}

function begin(from, to, edges) {
  if (!seesSquare()) return between(from, to, photo);
  const middle = { x: (edges.left + edges.right) / 2, y: (edges.top + edges.bottom) / 2 };
  return moved(edges, to.x - middle.x, to.y - middle.y, photo);
}

function pull(edges, grip, point) {
  return (seesSquare() ? stretchedSquare : stretched)(edges, grip, point, photo);
}

function press(edges, { key, shiftKey }) {
  const by = { '+': 2, '=': 2, '-': -2, '_': -2 }[key];
  return by ? resized(edges, by * (shiftKey ? 10 : 1), photo, seesSquare()) : null;
}

/** Enables what can be done with the square at its current position. */
function offer(box) {
  const is = photo.current?.outcome ? isSame(box.edges, answered()) : true;
  // Not `disabled`, which would remove the focus from a button that was just pressed.
  predictButton.ariaDisabled = is;
  wholeButton.ariaDisabled = isSame(box.edges, rounded(seen(photo)));
  box.layer.classList.toggle('pending', !is);
}

async function restart(box) {
  await known;
  const isShown = Boolean(photo.current?.url);
  controls.classList.toggle('unused', !isShown);
  box.layer.hidden = !isShown;
  if (!isShown) return;
  if (!seesSquare()) hint.textContent = ALL;
  box.draw(answered());
  offer(box);
}

/** Puts the square over the photograph in `frame`. */
export function start(frame) {
  const box = new Box(frame, {
    name: 'part',
    label: 'What the model sees: plus and minus resize it, arrow keys move it',
    grips: ['nw', 'ne', 'se', 'sw'],
    move: (edges, x, y) => moved(edges, x, y, photo),
    pull,
    begin,
    key: press,
    scrolls: true,
    changed: () => offer(box),
  });
  box.layer.hidden = true;
  photo.addEventListener('change', () => restart(box));
  answers.addEventListener('change', ({ detail }) => {
    if (detail === photo.current) offer(box);
  });
  predictButton.addEventListener('click', () => {
    if (predictButton.ariaDisabled !== 'true') predictPart(box.edges);
  });
  wholeButton.addEventListener('click', () => {
    if (wholeButton.ariaDisabled === 'true') return;
    box.draw(rounded(seen(photo)));
    offer(box);
    if (photo.current.outcome?.part) predictWhole();
  });
}
