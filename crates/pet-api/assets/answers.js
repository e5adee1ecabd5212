// The predictions for photographs and parts of them; the code that shows them subscribes.

import { Refusal, send } from './service.js';

export const BREEDS = 5;

class Answers extends EventTarget {
  /** Promises of the predictions for whole photographs. */
  #whole = new WeakMap();

  /** The prediction for the whole photograph; requested once, unless that fails. */
  whole(photograph) {
    let answer = this.#whole.get(photograph);
    if (!answer) {
      answer = this.#ask(photograph, null, photograph.closed);
      this.#whole.set(photograph, answer);
      answer.catch(() => this.#whole.delete(photograph));
    }
    return answer;
  }

  /** Goes back from a part to the prediction for the whole photograph. */
  async again(photograph) {
    photograph.outcome = await this.whole(photograph);
    this.#tell(photograph);
  }

  /** Predicts a part of it. */
  part(photograph, part, signal) {
    return this.#ask(photograph, part, signal);
  }

  async #ask(photograph, part, signal) {
    try {
      const view = await photograph.view(part);
      const start = performance.now();
      const answer = await (await send('predict', view.file, { top_k: BREEDS }, signal)).json();
      photograph.outcome = { part, view, answer, elapsed: performance.now() - start };
      photograph.problem = null;
      return photograph.outcome;
    } catch (error) {
      if (!signal.aborted && !part) photograph.problem = error instanceof Refusal ? error.message : 'It could not be sent.';
      throw error;
    } finally {
      this.#tell(photograph);
    }
  }

  #tell(photograph) {
    this.dispatchEvent(new CustomEvent('change', { detail: photograph }));
  }
}

export const answers = new Answers();
