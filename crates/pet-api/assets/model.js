// The tab Model: the served model, its metrics and its origin.

import { bar, element, find } from './elements.js';
import { address, get } from './service.js';
import { count, percent } from './words.js';
import { Work } from './work.js';

const FIGURES = [
  ['training_curves.png', 'Training curves', 'Training and validation loss and accuracy per epoch', 'chart'],
  ['confusion_matrix.png', 'Confusion matrix', 'Which breeds were confused with which', 'chart'],
  ['mistakes.png', 'Mistakes', 'Photos that the model got wrong', 'photographs'],
];

/** Number of photographs below which a share is shown as counts. */
const FEW = 100;
/** Number of classes that the second metric considers. */
const BEST = 5;

const panel = find('model');
const work = new Work(panel);
let shown = false;

function card(title, ...children) {
  return element('div', { className: 'card' }, element('h3', { className: 'title', textContent: title }), ...children);
}

async function json(path) {
  return (await get(path)).json();
}

/** The figures of a split, of the model as it is served or else of the other precision, which is then named. */
function measured(splits, name, served) {
  const keys = { fp32: name, int8: `${name}_int8` };
  const precision = [served, 'fp32', 'int8'].find((one) => keys[one] in splits);
  if (!precision) return null;
  return { ...splits[keys[precision]], name, photographs: `${name} photos${precision === served ? '' : ` (${precision})`}` };
}

function tile(figure, text) {
  return element('li', {}, element('strong', { textContent: figure }), element('span', { textContent: text }));
}

/** A share of few photographs as counts, since a percentage would look too precise. */
function part(share, images, digits) {
  return images < FEW ? `${Math.round(share * images)} of ${images}` : percent(share, digits);
}

function tiles(model, splits, figures) {
  const list = element('ul', { className: 'card tiles' });
  if (figures) {
    const all = figures.images < FEW ? '' : `of ${count(figures.images)} `;
    list.append(tile(part(figures.top1, figures.images), `${all}${figures.photographs} correct`));
    // With five classes, the right one is always among them.
    if (model.classes > BEST) {
      list.append(tile(part(figures.top5, figures.images), 'with the right breed among the top five'));
    }
  }
  // The accuracy in the model's metadata is that of its training.
  const validated = measured({ validation: { top1: model.val_acc }, ...splits }, 'validation', model.precision);
  if (typeof validated.top1 === 'number' && figures?.name !== 'validation') {
    list.append(tile(part(validated.top1, validated.images), `of the ${validated.photographs} correct`));
  }
  list.append(tile(count(model.classes), model.classes === 1 ? 'breed known' : 'breeds known'));
  return list;
}

function breed(name, figures) {
  const item = element('li', {}, element('span', { textContent: name }));
  if (!figures) return item;
  const share = element('span', { className: 'share', textContent: part(figures.recall, figures.images, 0) });
  item.append(share, bar(figures.recall));
  return item;
}

function breeds(names, figures) {
  const list = element('ul', { className: 'breeds' });
  list.append(...names.map((name) => breed(name, figures?.classes?.[name])));
  const title = figures ? `Correct predictions by breed, on the ${figures.photographs}` : 'Breeds';
  return card(title, list);
}

async function figure([file, title, alt, kind]) {
  const url = String(address(`model/files/${file}`));
  const picture = element('img', { src: url, alt });
  try {
    await picture.decode();
  } catch {
    return [];
  }
  const link = element('a', { href: url, className: 'figure' }, picture, 'Open full size');
  link.dataset.kind = kind;
  return [card(title, link)];
}

function heading({ name, version, files }) {
  const title = element('h2', { textContent: version ? `${name}, version ${version}` : name });
  const head = element('div', { className: 'card-head' }, title);
  if (files.includes('MODEL_CARD.md')) {
    head.append(element('a', { href: address('model/files/MODEL_CARD.md'), textContent: 'Model card' }));
  }
  return head;
}

async function load() {
  const [model, { classes }] = await Promise.all([json('model'), json('classes')]);
  const has = ([file]) => model.files.includes(file);
  const { splits = {} } = has(['metrics.json']) ? await json('model/files/metrics.json') : {};
  // Preferably of photographs that were not used for any choice.
  const figures = measured(splits, 'test', model.precision) ?? measured(splits, 'validation', model.precision);
  const pictures = await Promise.all(FIGURES.filter(has).map(figure));
  panel.prepend(heading(model), tiles(model, splits, figures), breeds(classes, figures), ...pictures.flat());
}

/** Shows the model, once. */
export async function refresh() {
  if (!shown) shown = await work.run(load);
}
