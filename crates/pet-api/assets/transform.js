// The tabs that turn the photograph into another picture: before on the left, after on the right.

import { addCall } from './call.js';
import { fit, photo } from './photo.js';
import { send, suggestedName } from './service.js';
import { bytes, format, size } from './words.js';
import { Work, announce } from './work.js';

const TYPING_PAUSE = 250;
const template = document.getElementById('transform');

/** One such tab. */
export class Transform {
  /** `path` is the panel's name and the service's address; `prefix` begins the names of its files. */
  constructor(path, prefix) {
    this.path = path;
    this.prefix = prefix;
    this.panel = document.getElementById(path);
    this.form = this.panel.querySelector('form');
    this.about = this.panel.querySelector('.about');
    this.about.before(template.content.cloneNode(true));
    this.frame = this.panel.querySelector('.frame');
    this.empty = this.panel.querySelector('.empty');
    this.link = this.panel.querySelector('a');
    this.work = new Work(this.panel);
    this.call = addCall(this.panel);
    this.form?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.refresh();
    });
    this.form?.addEventListener('input', () => this.refreshSoon());
  }

  /** The values of the fields. */
  get parameters() {
    return this.form ? Object.fromEntries(new FormData(this.form)) : {};
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), TYPING_PAUSE);
  }

  /** Asks for the picture, unless it is there or the tab is closed: opening it asks again. */
  async refresh() {
    clearTimeout(this.timer);
    if (this.panel.hidden) return;
    const { file } = photo;
    const { parameters } = this;
    this.call(this.path, parameters, file, `${this.prefix}${file?.name ?? 'photo.jpg'}`);
    const wanted = JSON.stringify(parameters);
    if (!file || (this.shown?.file === file && this.shown.wanted === wanted)) return;
    const done = await this.work.run(async (signal) => {
      const response = await send(this.path, file, parameters, signal);
      await this.show(await response.blob(), suggestedName(response, `${this.prefix}${file.name}`));
    });
    if (done) this.shown = { file, wanted };
  }

  async show(blob, name) {
    const url = URL.createObjectURL(blob);
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    const { naturalWidth: width, naturalHeight: height } = picture;
    picture.alt = `${this.panel.querySelector('h2').textContent} photograph, ${size(width, height)} pixels`;
    this.release?.();
    this.release = () => URL.revokeObjectURL(url);
    this.frame.replaceChildren(picture);
    this.frame.hidden = false;
    this.empty.hidden = true;
    fit(this.frame, width, height);
    this.offer(url, name);
    const facts = `${size(width, height)} · ${format(blob.type)} · ${bytes(blob.size)}`;
    this.panel.querySelector('.facts').textContent = facts;
    announce(picture.alt);
  }

  offer(url, name) {
    this.link.href = url;
    this.link.download = name;
    this.link.removeAttribute('role');
    this.link.removeAttribute('aria-disabled');
  }
}

/** Lets one side of the new size follow the other, where people want that. */
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
