// Puts the page together: one photograph, six tabs.

import { CropBox } from './crop.js';
import { offerExplanation } from './explain.js';
import * as intake from './intake.js';
import * as model from './model.js';
import { photo } from './photo.js';
import * as predict from './predict.js';
import * as tabs from './tabs.js';
import { Transform, keepShape } from './transform.js';

const panels = {
  predict,
  resize: new Transform('resize', 'resized_'),
  grayscale: new Transform('grayscale', 'gray_'),
  crop: new Transform('crop', 'cropped_'),
  normalize: new Transform('normalize', 'normalized_'),
  model,
};

intake.start();
keepShape(panels.resize.form, document.getElementById('keep-shape'));
new CropBox(document.getElementById('frame'), panels.crop.form);
offerExplanation();
tabs.start((name) => panels[name].refresh());
photo.addEventListener('change', () => panels[tabs.open()].refresh());
