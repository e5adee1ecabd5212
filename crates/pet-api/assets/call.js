// The same request as a `curl` command, to copy.

import { address } from './service.js';
import { announce } from './work.js';

const template = document.getElementById('call');

function quoted(text) {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

function command(path, parameters, file, saved) {
  const form = quoted(`file=@${file?.name ?? 'photo.jpg'}`);
  const output = saved ? ` -o ${quoted(saved)}` : '';
  return `curl -F ${form} ${quoted(address(path, parameters))}${output}`;
}

async function copy(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  // Without https or localhost there is no clipboard; selecting the text lets people copy it themselves.
  getSelection().selectAllChildren(code);
  throw new Error('no clipboard');
}

/** Adds the line with the command to the panel, and returns a function that sets the command. */
export function addCall(panel) {
  const line = template.content.cloneNode(true);
  const code = line.querySelector('code');
  const button = line.querySelector('button');
  panel.append(line);
  button.addEventListener('click', async () => {
    const copied = await copy(code).then(() => true, () => false);
    button.textContent = copied ? 'Copied' : 'Selected';
    announce(copied ? 'The command was copied.' : 'The command is selected; copy it yourself.');
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
  return (path, parameters, file, saved) => {
    code.textContent = command(path, parameters, file, saved);
  };
}
