// The ways by which a photograph comes in: chosen, dropped, pasted, taken, or one of the drawings.

import { takePicture } from './camera.js';
import { fit, photo } from './photo.js';
import { get } from './service.js';
import { Work } from './work.js';

const find = (id) => document.getElementById(id);

function listenToInputs() {
  for (const id of ['file', 'other-file', 'camera-file']) {
    const input = find(id);
    input.addEventListener('change', () => {
      const [file] = input.files;
      // Emptied, so that the same file can be chosen again.
      input.value = '';
      if (file) photo.take(file);
    });
  }
}

function listenToDrops() {
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  const mark = (on) => document.body.classList.toggle('dragging', on);
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener('drop', (event) => {
    mark(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) photo.take(file);
  });
}

function listenToPaste() {
  addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    photo.take(file);
  });
}

function listenToSamples() {
  const work = new Work(find('photograph'));
  for (const button of document.querySelectorAll('[data-sample]')) {
    const name = button.dataset.sample;
    button.addEventListener('click', () => work.run(async () => {
      const blob = await (await get(`assets/${name}`)).blob();
      await photo.take(new File([blob], name, { type: blob.type }), true);
    }));
  }
}

function listenToCamera() {
  // Phones have a better camera program than a page can be.
  const phone = matchMedia('(pointer: coarse)').matches;
  find('camera').addEventListener('click', async () => {
    if (phone || !navigator.mediaDevices) return find('camera-file').click();
    const file = await takePicture();
    if (file) photo.take(file);
  });
}

function show() {
  const preview = find('preview');
  find('drop').hidden = Boolean(photo.url);
  find('another').hidden = !photo.url;
  find('frame').hidden = !photo.url;
  find('photograph-facts').textContent = photo.facts;
  if (photo.url) preview.src = photo.url;
  fit(find('frame'), photo.width, photo.height);
  for (const button of document.querySelectorAll('[data-sample]')) {
    button.setAttribute('aria-pressed', photo.drawn && button.dataset.sample === photo.file.name);
  }
}

/** Makes all ways work. */
export function start() {
  listenToInputs();
  listenToDrops();
  listenToPaste();
  listenToSamples();
  listenToCamera();
  photo.addEventListener('change', show);
}
