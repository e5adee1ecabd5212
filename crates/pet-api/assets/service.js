// Requests to the service.

import { sentence } from './words.js';

/** A URL of the service, relative to the path of the page. */
export function address(path, parameters = {}) {
  const url = new URL(path, document.baseURI);
  url.hash = '';
  url.search = new URLSearchParams(parameters).toString();
  return url;
}

/** An error of the service or of the connection; `message` is one or more sentences. */
export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }

  static async from(response) {
    const answer = await response.json().catch(() => ({}));
    const detail = answer.detail ?? `the service responded with ${response.status}`;
    const text = (typeof detail === 'string' ? detail : JSON.stringify(detail)).replace(/^the content is /, 'this is ');
    return new Refusal(`${sentence(text)} ${sentence(answer.hint ?? '')}`.trim(), response.status);
  }
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal('The service does not respond. It may be stopped, or the file may be too large.');
  }
  if (!response.ok) throw await Refusal.from(response);
  return response;
}

/** The response to a photograph sent to `path`. */
export function send(path, file, parameters, signal) {
  const body = new FormData();
  body.append('file', file, file.name);
  return ask(address(path, parameters), { method: 'POST', body, signal });
}

/** The response to a GET request. */
export function get(path) {
  return ask(address(path));
}

/** The file name that a response suggests. */
export function suggestedName(response, otherwise) {
  const header = response.headers.get('content-disposition') ?? '';
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header);
  if (extended) {
    try {
      return decodeURIComponent(extended[1]);
    } catch {
      // A malformed name: the plain one is used.
    }
  }
  const plain = /filename="?([^";]+)"?/i.exec(header);
  return plain ? plain[1] : otherwise;
}
