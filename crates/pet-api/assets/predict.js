// The tab Predict: which breed, how sure, how long it took.

import { addCall } from './call.js';
import { photo } from './photo.js';
import { send } from './service.js';
import { milliseconds, percent } from './words.js';
import { Work, announce } from './work.js';

const BREEDS = 5;
/** Milliseconds below which a stage is not worth a word. */
const LEAST_TIME = 0.1;
const panel = document.getElementById('predict');
const find = (name) => panel.querySelector(`.${name}`);

const work = new Work(panel);
const call = addCall(panel);
let shown = null;

function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function bar({ class: breed, probability }) {
  const item = document.createElement('li');
  const track = element('span', 'track');
  const fill = element('span', 'fill');
  fill.style.setProperty('--share', probability);
  track.append(fill);
  item.append(element('span', 'breed', breed), element('span', 'share', percent(probability)), track);
  return item;
}

function note(confidence) {
  if (photo.drawn) return 'Only a guess: the model learned from photographs, and this is a drawing.';
  if (confidence < 0.5) return 'Not sure. It may be a breed that the model does not know.';
  return '';
}

function timing({ timing: stages = {} }, elapsed) {
  const parts = Object.entries(stages).filter(([, time]) => time >= LEAST_TIME).map(([stage, time]) => `${stage} ${milliseconds(time)}`);
  const inside = parts.length ? `, of which ${parts.join(', ')}` : '';
  return `Answered in ${milliseconds(elapsed)}${inside}.`;
}

function show(answer, elapsed) {
  find('empty').hidden = true;
  find('answer').hidden = false;
  find('winner-name').textContent = answer.predicted_class;
  find('winner-share').textContent = percent(answer.confidence);
  find('note').textContent = note(answer.confidence);
  find('bars').replaceChildren(...answer.top_k.map(bar));
  find('timing').textContent = timing(answer, elapsed);
  announce(`${answer.predicted_class}, ${percent(answer.confidence, 0)}. ${find('note').textContent}`);
}

/** Predicts, unless the answer for this photograph is there. */
export async function refresh() {
  const { file } = photo;
  call('predict', { top_k: BREEDS }, file);
  if (!file || shown === file) return;
  const done = await work.run(async (signal) => {
    const start = performance.now();
    const answer = await (await send('predict', file, { top_k: BREEDS }, signal)).json();
    show(answer, performance.now() - start);
  });
  shown = done ? file : null;
}
