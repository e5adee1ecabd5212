// The work of a panel: one request at a time, with its progress and its errors.

import { element, find } from './elements.js';
import { Refusal } from './service.js';

const status = find('status');

/** Announces a text to screen readers. */
export function announce(text) {
  status.textContent = text;
}

/** The work of one panel; starting new work cancels the previous one. */
export class Work {
  constructor(panel) {
    this.panel = panel;
    this.problem = element('div', { className: 'problem', role: 'alert' });
    const head = panel.querySelector('.card-head');
    if (head) head.after(this.problem);
    else panel.append(this.problem);
  }

  /** Runs `action(signal)`. Returns whether it was completed. */
  async run(action) {
    this.stop();
    const controller = new AbortController();
    this.controller = controller;
    this.panel.setAttribute('aria-busy', 'true');
    try {
      await action(controller.signal);
      this.refuse('');
      return true;
    } catch (error) {
      if (controller.signal.aborted || error.name === 'AbortError') return false;
      this.refuse(error instanceof Refusal ? error.message : 'Something went wrong on this page.');
      if (!(error instanceof Refusal)) throw error;
      return false;
    } finally {
      if (this.controller === controller) this.panel.removeAttribute('aria-busy');
    }
  }

  stop() {
    this.controller?.abort();
    this.panel.removeAttribute('aria-busy');
  }

  /** Shows an error, or none. Text in backticks is formatted as code. */
  refuse(text) {
    const parts = text.split('`').map((part, place) => (place % 2 ? element('code', { textContent: part }) : part));
    this.problem.replaceChildren(...parts);
    this.panel.classList.toggle('failed', text !== '');
  }
}
