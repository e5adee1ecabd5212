// Sets up the page: the photographs, and six tabs for the current one.

import * as crop from './crop.js';
import { offerExplanation } from './explain.js';
import * as intake from './intake.js';
import * as model from './model.js';
import * as part from './part.js';
import { photo } from './photo.js';
import * as predict from './predict.js';
import * as tabs from './tabs.js';
import { Transform, keepShape } from './transform.js';
import { offerVerdict } from './verdict.js';
import * as visit from './visit.js';

const panels = {
  predict,
  resize: new Transform('resize', 'resized_'),
  grayscale: new Transform('grayscale', 'gray_'),
  crop: new Transform('crop', 'cropped_'),
  normalize: new Transform('normalize', 'normalized_'),
  model,
};
const frame = document.getElementById('frame');

intake.start();
visit.start();
keepShape(panels.resize.form, document.getElementById('keep-shape'));
offerExplanation();
offerVerdict();
crop.start(frame, panels.crop.form);
part.start(frame);
tabs.start((name) => panels[name].refresh());
photo.addEventListener('change', () => panels[tabs.open()].refresh());
