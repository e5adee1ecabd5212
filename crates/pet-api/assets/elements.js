// Elements that several tabs use.

/** The element with this ID. */
export const find = (id) => document.getElementById(id);

/** A new element with these properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A bar, filled to a share from 0 to 1. */
export function bar(share) {
  const fill = element('span', { className: 'fill' });
  fill.style.setProperty('--share', share);
  return element('span', { className: 'track' }, fill);
}
