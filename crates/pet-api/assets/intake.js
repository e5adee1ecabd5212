// The ways to add photographs: choosing, dropping, pasting or taking them.

import { takePicture } from './camera.js';
import { find } from './elements.js';
import { fit, photo } from './photo.js';
import * as visit from './visit.js';

function listenToInputs() {
  for (const id of ['file', 'other-file', 'camera-file']) {
    const input = find(id);
    input.addEventListener('change', () => {
      const files = [...input.files];
      // Cleared, so that the same file can be chosen again.
      input.value = '';
      visit.add(files);
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
    visit.add(event.dataTransfer.files);
  });
}

function listenToPaste() {
  addEventListener('paste', (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length) return;
    event.preventDefault();
    visit.add(files);
  });
}

function listenToCamera() {
  // The camera app of a phone is better than a page.
  const phone = matchMedia('(pointer: coarse)').matches;
  find('camera').addEventListener('click', async () => {
    if (phone || !navigator.mediaDevices) return find('camera-file').click();
    const file = await takePicture();
    if (file) visit.add([file]);
  });
}

function listenToClear() {
  find('clear').addEventListener('click', async () => {
    await visit.clear();
    // The button is gone.
    find('file').focus();
  });
}

/** Notes on how the photograph is processed. */
function remark(photograph) {
  const parts = [];
  if (photograph?.isAnimated) parts.push('Only the first frame of this animation is used.');
  if (photograph?.isConverted) parts.push(`The service does not support ${photograph.format}, so your browser sends it as JPEG.`);
  return parts.join(' ');
}

function show() {
  const { current } = photo;
  const url = current?.url;
  find('drop').hidden = Boolean(url);
  find('another').hidden = !url;
  find('clear').hidden = !current;
  find('frame').hidden = !url;
  find('photograph-facts').textContent = current?.facts ?? '';
  find('photograph-remark').textContent = remark(current);
  if (url) find('preview').src = url;
  else find('preview').removeAttribute('src');
  fit(find('frame'), photo.width, photo.height);
}

/** Installs all of them. */
export function start() {
  listenToInputs();
  listenToDrops();
  listenToPaste();
  listenToCamera();
  listenToClear();
  photo.addEventListener('change', show);
}
