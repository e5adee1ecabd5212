// Right or wrong: corrections of predictions, which are saved with the photograph if the service has a folder for them.

import { answers } from './answers.js';
import { element } from './elements.js';
import { photo } from './photo.js';
import { get, send } from './service.js';
import { Work, announce } from './work.js';

const form = document.getElementById('verdict');
const breed = document.getElementById('verdict-breed');
const buttons = form.querySelectorAll('button');
const said = document.getElementById('verdict-said');
const saved = document.getElementById('verdict-saved');
const work = new Work(form);
/** The correction of each prediction. */
const given = new WeakMap();
let shown = null;
let whole = true;

function option(name) {
  return element('option', { value: name, textContent: name });
}

/** Whether all of the photograph was sent, and not only what the model sees of it. */
function isWhole({ part, view: { area } }) {
  return !part && Math.round(area.width) >= photo.width && Math.round(area.height) >= photo.height;
}

/** Only one correction per prediction; the buttons stay so that the keyboard focus does. */
function settle() {
  const verdict = given.get(shown);
  said.textContent = verdict ? `Thank you. ${whole ? 'The photo' : 'That part'} was saved as ${verdict}.` : '';
  for (const button of buttons) button.setAttribute('aria-disabled', String(Boolean(verdict)));
}

function refresh() {
  const outcome = photo.current?.outcome;
  if (!outcome || shown === outcome) return;
  work.stop();
  work.refuse('');
  shown = outcome;
  const { predicted_class: predicted, all_classes: all } = outcome.answer;
  whole = isWhole(outcome);
  saved.textContent = whole ? 'the photo' : 'the part of the photo that was sent';
  breed.replaceChildren(option(''), ...all.filter((name) => name !== predicted).map(option));
  settle();
}

async function say(name) {
  const outcome = shown;
  if (given.has(outcome)) return;
  if (!name) {
    said.textContent = 'Choose a breed first.';
    announce(said.textContent);
    return breed.focus();
  }
  await work.run(async (signal) => {
    await send('feedback', outcome.view.file, { class: name }, signal);
    given.set(outcome, name);
    if (shown !== outcome) return;
    settle();
    announce(said.textContent);
  });
}

/** Shows the buttons if the service saves corrections. */
export async function offerVerdict() {
  const { feedback } = await get('model').then((answer) => answer.json(), () => ({}));
  if (!feedback) return;
  document.getElementById('promise').textContent =
    'It is processed in memory, and saved only if you say whether the answer is right.';
  form.hidden = false;
  answers.addEventListener('change', refresh);
  photo.addEventListener('change', refresh);
  document.getElementById('verdict-right').addEventListener('click', () => say(shown.answer.predicted_class));
  breed.addEventListener('change', settle);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    say(breed.value);
  });
  refresh();
}
