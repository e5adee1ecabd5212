// A panel's work: one request at a time, its progress and its refusals.

import { Refusal } from './service.js';

const status = document.getElementById('status');

/** Tells it to a screen reader. */
export function announce(text) {
  status.textContent = text;
}

/** The work of one panel; starting it anew gives up what was under way. */
export class Work {
  constructor(panel) {
    this.panel = panel;
    this.problem = document.createElement('div');
    this.problem.className = 'problem';
    this.problem.setAttribute('role', 'alert');
    const head = panel.querySelector('.card-head');
    if (head) head.after(this.problem);
    else panel.append(this.problem);
  }

  /** Runs `action(signal)`; whether it came to its end. */
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

  /** Shows a refusal, or none. Backticks set names and values apart. */
  refuse(text) {
    const parts = text.split('`').map((part, place) => {
      if (place % 2 === 0) return part;
      const code = document.createElement('code');
      code.textContent = part;
      return code;
    });
    this.problem.replaceChildren(...parts);
    this.panel.classList.toggle('failed', text !== '');
  }
}
