// Shows which regions of the photograph support the prediction, if the service can explain it.

import { answers } from './answers.js';
import { element, find } from './elements.js';
import { photo } from './photo.js';
import { get, send } from './service.js';
import { Work, announce } from './work.js';

const COVER = 0.6;

/** Ten steps of matplotlib's `inferno` (CC0): higher values are lighter. */
const SHADES = [
  [0, 0, 4], [27, 12, 66], [75, 12, 107], [120, 28, 109], [165, 44, 96],
  [207, 68, 70], [237, 105, 37], [251, 154, 6], [247, 208, 60], [252, 255, 164],
];

const toggle = find('explain');
const legend = find('explain-legend');
const work = new Work(find('photograph'));
const heat = element('canvas', { className: 'heat', ariaHidden: true, hidden: true });
let explained = null;

/** The map as a small image, which the browser smooths when it enlarges it. */
function paint(rows) {
  heat.height = rows.length;
  heat.width = rows[0].length;
  const most = Math.max(...rows.flat());
  const context = heat.getContext('2d');
  rows.forEach((row, y) => row.forEach((value, x) => {
    const share = most > 0 ? Math.max(0, value) / most : 0;
    context.fillStyle = `rgb(${SHADES[Math.round(share * (SHADES.length - 1))]})`;
    context.fillRect(x, y, 1, 1);
  }));
}

/** Puts the image over the region that the model saw, given in pixels of the image that was sent. */
function place([left, top, width, height], { area, width: sentWidth, height: sentHeight }) {
  const across = area.width / sentWidth;
  const down = area.height / sentHeight;
  heat.style.left = `${((area.left + left * across) / photo.width) * 100}%`;
  heat.style.top = `${((area.top + top * down) / photo.height) * 100}%`;
  heat.style.width = `${((width * across) / photo.width) * 100}%`;
  heat.style.height = `${((height * down) / photo.height) * 100}%`;
  heat.style.opacity = COVER;
}

async function refresh() {
  const photograph = photo.current;
  const outcome = photograph?.outcome;
  const wanted = toggle.checked && photograph?.url && outcome;
  legend.hidden = !toggle.checked;
  if (wanted && explained === outcome) return;
  explained = null;
  heat.hidden = true;
  if (!wanted) return work.stop();
  await work.run(async (signal) => {
    const answer = await (await send('explain', outcome.view.file, {}, signal)).json();
    paint(answer.rows);
    place(answer.region, outcome.view);
    heat.hidden = false;
    explained = outcome;
    announce(`Shown on the photo: the regions that support ${answer.class}.`);
  });
}

/** Shows the switch if the service can explain. */
export async function offerExplanation() {
  const service = await get('openapi.json').then((answer) => answer.json(), () => ({}));
  if (!service.paths?.['/explain']) return;
  // Below the square.
  find('preview').after(heat);
  find('explain-switch').hidden = false;
  toggle.addEventListener('change', refresh);
  photo.addEventListener('change', refresh);
  answers.addEventListener('change', ({ detail }) => {
    if (detail === photo.current) refresh();
  });
}
