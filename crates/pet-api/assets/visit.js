// The photographs of this visit, each with its most probable breed and a bar for the probability.

import { answers } from './answers.js';
import { bar, find } from './elements.js';
import { photo } from './photo.js';
import { Photograph } from './photograph.js';
import { count, percent } from './words.js';
import { announce } from './work.js';

/** Maximum number of photographs; the oldest are removed. */
const MOST = 100;
const THUMBNAIL = 56;

const section = find('visit');
const list = find('visit-list');
const facts = find('visit-facts');
const template = find('visit-entry');
/** The list item of each photograph. */
const entries = new Map();
/** Settles when all waiting photographs are predicted. */
let waiting = Promise.resolve();

/** The start of an error message; the rest is shown with the photograph. */
function briefly(problem) {
  return `${problem.replaceAll('`', '').split(/[;.](?:\s|$)|, not an? /)[0]}.`;
}

function write(line, photograph) {
  const { outcome, problem } = photograph;
  const find = (name) => line.querySelector(`.${name}`);
  const answer = outcome?.answer;
  line.classList.toggle('refused', Boolean(problem));
  find('entry-name').textContent = outcome?.part ? `Part of ${photograph.name}` : photograph.name;
  find('entry-answer').textContent = answer?.predicted_class ?? (problem ? briefly(problem) : 'Waiting …');
  find('share').textContent = answer ? percent(answer.confidence) : '';
  const kept = find('entry-bar');
  kept.replaceChildren(...(answer ? [bar(answer.confidence)] : []));
}

async function paint(line, photograph) {
  await photograph.open();
  const picture = await photograph.thumbnail(THUMBNAIL);
  if (picture) line.querySelector('.entry-picture').replaceChildren(picture);
}

function addLine(photograph) {
  const line = template.content.cloneNode(true).querySelector('li');
  line.querySelector('button').addEventListener('click', () => photo.show(photograph));
  write(line, photograph);
  list.append(line);
  entries.set(photograph, line);
  paint(line, photograph);
}

function remove(photograph) {
  entries.get(photograph).remove();
  entries.delete(photograph);
  photograph.close();
}

function show() {
  section.hidden = entries.size < 2;
  facts.textContent = `${count(entries.size)} photos, kept until you close this page`;
  for (const [photograph, line] of entries) {
    line.querySelector('button').ariaPressed = photograph === photo.current;
  }
}

/** Predicts them one after the other, so that other clients are served in between. */
async function answerAll(photographs) {
  for (const photograph of photographs) {
    // The error is shown in its list item.
    if (entries.has(photograph)) await answers.whole(photograph).catch(() => {});
  }
}

/** Adds files: shows the first, and predicts all if there are several. */
export function add(files) {
  const photographs = [...files].slice(0, MOST).map((file) => new Photograph(file));
  if (!photographs.length) return;
  photographs.forEach(addLine);
  const old = [...entries.keys()].slice(0, Math.max(0, entries.size - MOST));
  old.forEach(remove);
  photo.show(photographs[0]);
  show();
  if (photographs.length === 1) return;
  announce(`${count(photographs.length)} photos are being processed.`);
  waiting = waiting.then(() => answerAll(photographs)).then(() => announce('All photos are processed.'));
}

/** Removes all of them; settles once the page is empty. */
export function clear() {
  [...entries.keys()].forEach(remove);
  return photo.show(null);
}

/** Keeps the list up to date. */
export function start() {
  photo.addEventListener('change', show);
  answers.addEventListener('change', ({ detail }) => {
    const line = entries.get(detail);
    if (line) write(line, detail);
  });
}
