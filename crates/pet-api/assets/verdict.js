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
const work = new Work(form);
/** The correction of each prediction. */
const given = new WeakMap();
let shown = null;

function option(name) {
  return element('option', { value: name, textContent: name });
}

/** Only one correction per prediction; the buttons stay so that the keyboard focus does. */
function settle() {
  const verdict = given.get(shown);
  said.textContent = verdict ? `Thank you. The photo was saved as ${verdict}.` : '';
  for (const button of buttons) button.setAttribute('aria-disabled', String(Boolean(verdict)));
}

function refresh() {
  const outcome = photo.current?.outcome;
  if (!outcome || shown === outcome) return;
  work.stop();
  work.refuse('');
  shown = outcome;
  const { predicted_class: predicted, all_classes: all } = outcome.answer;
  breed.replaceChildren(option(''), ...all.filter((name) => name !== predicted).map(option));
  settle();
}

async function say(name) {
  const outcome = shown;
  if (!name) return breed.focus();
  if (given.has(outcome)) return;
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
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    say(breed.value);
  });
  refresh();
}
