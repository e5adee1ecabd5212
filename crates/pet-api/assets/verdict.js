// Right or wrong: corrections of predictions, which are saved with the photograph if the service has a folder for them.

import { answers } from './answers.js';
import { element, find } from './elements.js';
import { photo } from './photo.js';
import { get, send } from './service.js';
import { Work, announce } from './work.js';

/** Milliseconds in which a correction can be taken back. It is sent afterwards, so that nothing has to be deleted. */
const GRACE = 8000;

const form = find('verdict');
const breed = find('verdict-breed');
const said = find('verdict-said');
const [right, submit, undo] = form.querySelectorAll('button');
const work = new Work(form);
/** The correction of each prediction. */
const given = new WeakMap();
/** The correction that can be taken back. */
let pending = null;
let shown = null;

function option(name) {
  return element('option', { value: name, textContent: name });
}

/** Whether all of the photograph was sent, and not only what the model sees of it. */
function isWhole({ part, view: { area } }) {
  return !part && Math.round(area.width) >= photo.width && Math.round(area.height) >= photo.height;
}

function say(text) {
  said.textContent = text;
  announce(text);
}

/** Only one correction per prediction; the buttons stay so that the keyboard focus does. */
function settle() {
  const verdict = given.get(shown);
  said.textContent = verdict ? `Thank you. It ${verdict.isSaved ? 'was' : 'will be'} saved as ${verdict.name}.` : '';
  for (const button of [right, submit]) button.ariaDisabled = Boolean(verdict);
  const isOver = !verdict || verdict !== pending;
  if (isOver && document.activeElement === undo) right.focus();
  undo.hidden = isOver;
}

/** Sends the correction that could be taken back so far. */
function keep() {
  if (!pending) return;
  const verdict = pending;
  clearTimeout(verdict.timer);
  pending = null;
  settle();
  work.run(async () => {
    try {
      await send('feedback', verdict.outcome.view.file, { class: verdict.name });
      verdict.isSaved = true;
    } catch (error) {
      given.delete(verdict.outcome);
      throw error;
    } finally {
      settle();
    }
  });
}

function refresh() {
  const outcome = photo.current?.outcome;
  if (pending?.outcome !== outcome) keep();
  if (!outcome || shown === outcome) return;
  work.stop();
  work.refuse('');
  shown = outcome;
  const { predicted_class: predicted, all_classes: all } = outcome.answer;
  find('verdict-saved').textContent = isWhole(outcome) ? 'the photo' : 'the part of the photo that was sent';
  breed.replaceChildren(option(''), ...all.filter((name) => name !== predicted).map(option));
  settle();
}

function give(name) {
  if (given.has(shown)) return;
  if (!name) {
    say('Choose a breed first.');
    return breed.focus();
  }
  pending = { name, outcome: shown, timer: setTimeout(keep, GRACE) };
  given.set(shown, pending);
  work.refuse('');
  settle();
  announce(said.textContent);
}

function takeBack() {
  clearTimeout(pending.timer);
  pending = null;
  given.delete(shown);
  settle();
  say('Nothing was saved.');
}

/** Shows the buttons if the service saves corrections. */
export async function offerVerdict() {
  const { feedback } = await get('model').then((answer) => answer.json(), () => ({}));
  if (!feedback) return;
  find('promise').textContent = 'It is processed in memory, and saved only if you say whether the answer is right.';
  form.hidden = false;
  answers.addEventListener('change', refresh);
  photo.addEventListener('change', refresh);
  document.addEventListener('visibilitychange', keep);
  right.addEventListener('click', () => give(shown.answer.predicted_class));
  undo.addEventListener('click', takeBack);
  breed.addEventListener('change', settle);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    give(breed.value);
  });
  refresh();
}
