// The part of a photograph that the model sees, and how many pixels of it the model needs.

import { get } from './service.js';

/** Pixels per side that are sent for each pixel of the model's input, so that no detail is lost. */
const SPARE = 4;

/** The whole photograph stretched to a square, until the recipe of the model is known. */
let recipe = { size: 224, margin: 1, isSquare: false };

function read({ preprocess }) {
  const { stretch, center_crop: crop } = preprocess.resize;
  if (crop) return { size: crop.size, margin: crop.resize / crop.size, isSquare: true };
  return { size: stretch.size, margin: 1, isSquare: false };
}

/** Settles once the recipe of the served model is known or could not be read. */
export const known = get('model').then((answer) => answer.json()).then((model) => {
  recipe = read(model);
}).catch(() => {});

/** Whether the model sees a square of the photograph instead of all of it. */
export function seesSquare() {
  return recipe.isSquare;
}

/** The part of an unchanged photograph that the model sees. */
export function seen({ width, height }) {
  if (!recipe.isSquare) return { left: 0, top: 0, right: width, bottom: height };
  const side = Math.min(width, height) / recipe.margin;
  const left = (width - side) / 2;
  const top = (height - side) / 2;
  return { left, top, right: left + side, bottom: top + side };
}

/** What must be sent so that the model sees exactly this part, since it crops a margin. */
export function around({ left, top, right, bottom }) {
  const width = (right - left) * recipe.margin;
  const height = (bottom - top) * recipe.margin;
  return { left: (left + right - width) / 2, top: (top + bottom - height) / 2, width, height };
}

/** The factor by which an area is scaled before it is sent, at most 1. */
export function reduction({ width, height }) {
  return Math.min(1, (SPARE * recipe.size * recipe.margin) / Math.min(width, height));
}
