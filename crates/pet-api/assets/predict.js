// The tab Predict: the breed, the confidence and the duration.

import { BREEDS, answers } from './answers.js';
import { addCall } from './call.js';
import { bar, element } from './elements.js';
import { photo } from './photo.js';
import { bytes, milliseconds, percent, size } from './words.js';
import { Work, announce } from './work.js';

/** Milliseconds below which a phase is not mentioned. */
const LEAST_TIME = 0.1;
/** Confidence below which the prediction is called unsure. */
const SURE = 0.5;
const panel = document.getElementById('predict');
const find = (name) => panel.querySelector(`.${name}`);

const work = new Work(panel);
const call = addCall(panel);
const command = panel.querySelector('.call');
let shown = null;

function row({ class: breed, probability }) {
  const text = (className, textContent) => element('span', { className, textContent });
  return element('li', {}, text('breed', breed), text('share', percent(probability)), bar(probability));
}

function note({ part, answer }) {
  const parts = part ? ['This part of the photo.'] : [];
  if (answer.known === false) parts.push(`Probably none of the ${answer.all_classes.length} breeds that the model knows.`);
  else if (answer.confidence < SURE) parts.push('Not sure. The model may not know this breed.');
  return parts.join(' ');
}

function timing({ answer: { timing: stages = {} }, elapsed }) {
  const parts = Object.entries(stages).filter(([, time]) => time >= LEAST_TIME).map(([stage, time]) => `${stage} ${milliseconds(time)}`);
  const inside = parts.length ? `, of which ${parts.join(', ')}` : '';
  return `Answered in ${milliseconds(elapsed)}${inside}.`;
}

/** What was sent, if that is not the file itself. */
function sent({ view }, photograph) {
  if (view.file === photograph.file) return '';
  const what = `${size(view.width, view.height)} pixels, ${bytes(view.file.size)}`;
  const whole = `${size(photograph.width, photograph.height)}, ${bytes(photograph.file.size)}`;
  return `Sent as ${what}. The original is ${whole}.`;
}

function show(photograph) {
  const { outcome } = photograph;
  const { answer } = outcome;
  find('empty').hidden = true;
  find('answer').hidden = false;
  find('winner-name').textContent = answer.predicted_class;
  find('winner-share').textContent = percent(answer.confidence);
  find('note').textContent = note(outcome);
  find('bars').replaceChildren(...answer.top_k.map(row));
  find('timing').textContent = timing(outcome);
  find('sent').textContent = sent(outcome, photograph);
  // The command sends the whole file, whose prediction may differ.
  command.hidden = Boolean(outcome.part);
  shown = outcome;
  announce(`${answer.predicted_class}, ${percent(answer.confidence, 0)}. ${find('note').textContent}`);
}

function clear() {
  work.stop();
  work.refuse('');
  find('empty').hidden = false;
  find('answer').hidden = true;
  command.hidden = false;
  shown = null;
}

/** Predicts the photograph, unless that was done already. */
export async function refresh() {
  const photograph = photo.current;
  call('predict', { top_k: BREEDS }, photograph?.file);
  if (!photograph) return clear();
  if (photograph.outcome && shown === photograph.outcome) return;
  await work.run(async (signal) => {
    if (!photograph.outcome) await answers.whole(photograph);
    signal.throwIfAborted();
    show(photograph);
  });
}

/** Predicts the part of the photograph inside this box. */
export function predictPart(part) {
  const photograph = photo.current;
  return work.run(async (signal) => {
    await answers.part(photograph, part, signal);
    signal.throwIfAborted();
    show(photograph);
  });
}

/** Goes back to the prediction for the whole photograph. */
export function predictWhole() {
  const photograph = photo.current;
  return work.run(async (signal) => {
    await answers.again(photograph);
    signal.throwIfAborted();
    show(photograph);
  });
}
