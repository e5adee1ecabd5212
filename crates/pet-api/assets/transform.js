// The tabs that transform the photograph: original on the left, result on the right.

import { addCall } from './call.js';
import { fit, photo } from './photo.js';
import { send, suggestedName } from './service.js';
import * as tabs from './tabs.js';
import * as visit from './visit.js';
import { bytes, format, size } from './words.js';
import { Work, announce } from './work.js';

const TYPING_PAUSE = 250;
const template = document.getElementById('transform');

/** What is wrong with the fields, as sentences. */
function complaints(form) {
  const wrong = [...(form?.elements ?? [])].filter((field) => !field.validity.valid);
  const sentence = ({ labels, min, max }) => {
    const range = max ? `from ${min} to ${max}` : `of at least ${min}`;
    return `${labels[0].textContent.trim()} must be a whole number ${range}.`;
  };
  return wrong.map(sentence).join(' ');
}

/** One such tab. */
export class Transform {
  /** `path` is the name of the panel and the path of the request; `prefix` is that of the file names. */
  constructor(path, prefix) {
    this.path = path;
    this.prefix = prefix;
    this.panel = document.getElementById(path);
    this.form = this.panel.querySelector('form');
    this.panel.querySelector('.about').before(template.content.cloneNode(true));
    this.frame = this.panel.querySelector('.frame');
    this.empty = this.panel.querySelector('.empty');
    this.link = this.panel.querySelector('a');
    this.predict = this.panel.querySelector('.predict');
    this.facts = this.panel.querySelector('.facts');
    this.work = new Work(this.panel);
    this.call = addCall(this.panel);
    this.listen();
    this.clear();
  }

  listen() {
    this.form?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.refresh();
    });
    this.form?.addEventListener('input', () => this.refreshSoon());
    this.predict.addEventListener('click', () => {
      if (!this.result) return;
      visit.add([this.result]);
      tabs.visit('predict');
    });
  }

  /** The values of the fields. */
  get parameters() {
    return this.form ? Object.fromEntries(new FormData(this.form)) : {};
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), TYPING_PAUSE);
  }

  /** Requests the result, unless it is there already or the tab is closed; opening the tab requests it then. */
  async refresh() {
    clearTimeout(this.timer);
    if (this.panel.hidden) return;
    const { current } = photo;
    const { parameters } = this;
    this.call(this.path, parameters, current?.file, `${this.prefix}${current?.name ?? 'photo.jpg'}`);
    const complaint = current ? complaints(this.form) : '';
    if (!current || complaint) {
      this.work.stop();
      this.clear();
      return this.work.refuse(complaint);
    }
    const wanted = JSON.stringify(parameters);
    if (this.shown?.current === current && this.shown.wanted === wanted) return;
    const done = await this.work.run((signal) => this.ask(current, parameters, signal));
    if (done) this.shown = { current, wanted };
    // The previous result belongs to other values.
    else if (this.panel.classList.contains('failed')) this.clear();
  }

  async ask(current, parameters, signal) {
    const file = await current.whole();
    const response = await send(this.path, file, parameters, signal);
    const blob = await response.blob();
    await this.show(new File([blob], suggestedName(response, `${this.prefix}${file.name}`), { type: blob.type }));
  }

  async show(file) {
    const url = URL.createObjectURL(file);
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    this.clear();
    const { naturalWidth: width, naturalHeight: height } = picture;
    picture.alt = `${this.panel.querySelector('h2').textContent} photo, ${size(width, height)} pixels`;
    this.url = url;
    this.result = file;
    this.frame.replaceChildren(picture);
    this.frame.hidden = false;
    this.empty.hidden = true;
    fit(this.frame, width, height);
    this.offer();
    this.facts.textContent = `${size(width, height)} · ${format(file.type)} · ${bytes(file.size)}`;
    announce(picture.alt);
  }

  offer() {
    this.link.href = this.url;
    this.link.download = this.result.name;
    this.link.removeAttribute('role');
    for (const button of [this.link, this.predict]) button.removeAttribute('aria-disabled');
  }

  /** Removes the result and its download. */
  clear() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.result = null;
    this.shown = null;
    this.frame.replaceChildren();
    this.frame.hidden = true;
    this.empty.hidden = false;
    this.facts.textContent = '';
    this.link.removeAttribute('href');
    this.link.removeAttribute('download');
    this.link.setAttribute('role', 'link');
    for (const button of [this.link, this.predict]) button.setAttribute('aria-disabled', 'true');
  }
}

/** Keeps the aspect ratio of the new size, if that is selected. */
export function keepShape(form, choice) {
  const { width, height } = form.elements;
  const follow = (leader, follower, ratio) => {
    if (choice.checked && photo.width && leader.value > 0) {
      follower.value = Math.max(1, Math.round(leader.value * ratio));
    }
  };
  const followWidth = () => follow(width, height, photo.height / photo.width);
  width.addEventListener('input', followWidth);
  height.addEventListener('input', () => follow(height, width, photo.width / photo.height));
  choice.addEventListener('input', followWidth);
  photo.addEventListener('change', followWidth);
}
