// Shows openapi.json and tries its operations out.

const template = document.getElementById('operation');

/** The address of a path, wherever the service is mounted. */
const address = (path) => new URL(path.replace(/^\//, ''), document.baseURI);

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

function element(name, text = '', properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

/** Text in which `names` stand between backticks. */
function prose(text) {
  const parts = text.replaceAll('\n\n', '\n').split('`');
  return parts.map((part, index) => (index % 2 ? element('code', part) : part));
}

/** What a request's body may be: a form with files, JSON, or nothing. */
function bodyKind(operation) {
  const content = operation.requestBody?.content ?? {};
  if (content['multipart/form-data']) return 'form';
  return content['application/json'] ? 'json' : 'none';
}

function severalFiles(operation) {
  const { schema } = operation.requestBody.content['multipart/form-data'];
  return schema.properties.file.type === 'array';
}

function labelled(name, description, input, wide = false) {
  const label = element('label', '', { className: wide ? 'wide' : '' });
  label.append(element('b', name), input, description);
  return label;
}

function inputFor({ schema, required }) {
  if (schema.enum) {
    const select = element('select');
    select.append(...schema.enum.map((value) => new Option(value)));
    return select;
  }
  const input = element('input', '', { required });
  if (schema.type === 'integer') {
    input.type = 'number';
    if (schema.minimum > Number.MIN_SAFE_INTEGER) input.min = schema.minimum;
    if (schema.maximum !== undefined) input.max = schema.maximum;
  }
  input.placeholder = schema.default ?? '';
  return input;
}

/** The form's fields; `read` gives what they hold. */
function fields(operation, examples) {
  const inputs = new Map();
  const labels = (operation.parameters ?? [])
    .filter(({ in: place }) => place !== 'header')
    .map((parameter) => {
      const input = inputFor(parameter);
      if (parameter.in === 'path' && examples[parameter.name]) input.value = examples[parameter.name];
      inputs.set(parameter, input);
      return labelled(parameter.name, parameter.description, input);
    });
  const kind = bodyKind(operation);
  let body = null;
  if (kind === 'form') {
    body = element('input', '', { type: 'file', accept: 'image/*', multiple: severalFiles(operation) });
    labels.push(labelled('file', 'JPEG, PNG, GIF, WebP, BMP or TIFF.', body, true));
  } else if (kind === 'json') {
    body = element('textarea', '', { value: examples.inference, spellcheck: false });
    labels.push(labelled('body', 'An inference request.', body, true));
  }
  const token = operation.security ? element('input', '', { type: 'password', autocomplete: 'off' }) : null;
  if (token) labels.push(labelled('token', 'The admin token.', token));
  return { labels, read: () => ({ inputs, kind, body, token: token?.value }) };
}

function requestUrl(path, inputs) {
  let filled = path;
  const query = new URLSearchParams();
  for (const [{ name, in: place }, { value }] of inputs) {
    if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== '') query.set(name, value);
  }
  const url = address(filled);
  url.search = query;
  return url;
}

function request(method, path, { inputs, kind, body, token }) {
  const options = { method: method.toUpperCase(), headers: {} };
  if (token) options.headers.authorization = `Bearer ${token}`;
  if (kind === 'form') {
    options.body = new FormData();
    for (const file of body.files) options.body.append('file', file, file.name);
  } else if (kind === 'json') {
    options.headers['content-type'] = 'application/json';
    options.body = body.value;
  }
  return [requestUrl(path, inputs), options];
}

function command(method, path, { inputs, kind, body, token }) {
  const parts = ['curl'];
  if (token) parts.push("-H 'authorization: Bearer …'");
  if (kind === 'form') {
    const names = [...body.files].map((file) => file.name);
    parts.push(...(names.length ? names : ['photograph.jpg']).map((name) => `-F ${quoted(`file=@${name}`)}`));
  } else if (kind === 'json') {
    parts.push("-H 'content-type: application/json'", `-d ${quoted(body.value)}`);
  } else if (method === 'post') {
    parts.push('-X POST');
  }
  parts.push(quoted(requestUrl(path, inputs)));
  return parts.join(' ');
}

async function show(section, response, milliseconds) {
  const type = response.headers.get('content-type') ?? '';
  const image = section.querySelector('img');
  const pre = section.querySelector('pre');
  section.classList.toggle('refused', !response.ok);
  section.querySelector('h3').textContent = `${response.status} ${response.statusText} · ${milliseconds.toFixed(0)} ms · ${type}`;
  image.hidden = !type.startsWith('image/');
  pre.hidden = !image.hidden;
  if (!image.hidden) {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(await response.blob());
    return;
  }
  const text = await response.text();
  pre.firstChild.textContent = type.includes('json') ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

async function send(card, method, path, values) {
  const section = card.querySelector('.answer');
  const button = card.querySelector('button');
  button.disabled = true;
  section.hidden = false;
  try {
    const start = performance.now();
    const response = await fetch(...request(method, path, values));
    await show(section, response, performance.now() - start);
  } catch (error) {
    section.classList.add('refused');
    section.querySelector('h3').textContent = `The service does not answer: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

function operationCard(method, path, operation, examples) {
  const card = template.content.cloneNode(true).querySelector('details');
  card.id = operation.operationId;
  card.querySelector('.method').textContent = method.toUpperCase();
  card.querySelector('.path').textContent = path;
  card.querySelector('.says').textContent = operation.summary;
  card.querySelector('.more').append(...prose(operation.description));
  const form = card.querySelector('form');
  const { labels, read } = fields(operation, examples);
  form.querySelector('.inputs').append(...labels);
  const line = card.querySelector('.command code');
  const update = () => { line.textContent = command(method, path, read()); };
  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(card, method, path, read());
  });
  update();
  for (const [status, { description }] of Object.entries(operation.responses)) {
    card.querySelector('tbody').append(tableRow(status, prose(description)));
  }
  return card;
}

/** Adds a section, which is listed at the top of the page. */
function addSection(name, ...children) {
  const made = element('section', '', { id: name.replaceAll(' ', '-') });
  made.append(element('h2', name[0].toUpperCase() + name.slice(1)), ...children);
  document.getElementById('topics').append(made);
  document.getElementById('contents').append(element('a', name, { href: `docs#${made.id}` }));
}

function tableRow(head, ...columns) {
  const row = element('tr');
  row.append(element('th', head), ...columns.map((column) => {
    const cell = element('td');
    cell.append(...column);
    return cell;
  }));
  return row;
}

/** The codes of errors; problem details link to them. */
function errorTable(codes) {
  const table = element('table', '', { className: 'card' });
  for (const { code, status, meaning } of codes) {
    const row = tableRow(status, [element('code', code)], prose(meaning));
    row.id = code;
    table.append(row);
  }
  return table;
}

/** What the fields hold at first: the served model's name, and an image in base64. */
async function examples() {
  const request = {
    inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], data: ['… the file in base64 …'] }],
    outputs: [{ name: 'probabilities', parameters: { classification: 3 } }],
  };
  const model = await fetch(address('model')).then((response) => response.json()).catch(() => ({}));
  const version = model.version ?? '';
  return { name: model.name ?? '', version, inference: JSON.stringify(request, null, 2) };
}

async function main() {
  const [api, first] = await Promise.all([
    fetch(address('openapi.json')).then((response) => response.json()),
    examples(),
  ]);
  const [about] = api.info.description.split('\n\n');
  document.getElementById('description').textContent = about;
  for (const { name, description } of api.tags) {
    const cards = [];
    for (const [path, operations] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const here = operation.tags.includes(name);
        const values = path.startsWith('/v2') ? first : { inference: first.inference };
        if (here) cards.push(operationCard(method, path, operation, values));
      }
    }
    addSection(name, element('p', description), ...cards);
  }
  addSection('errors', element('p', 'What the code of an error means.'), errorTable(api['x-error-codes']));
  const chosen = location.hash && document.getElementById(location.hash.slice(1));
  if (chosen) {
    chosen.open = true;
    // Scrolls to it, and makes it the target.
    location.replace(location.hash);
  }
}

main().catch((error) => {
  document.getElementById('description').textContent = `The document cannot be read: ${error.message}`;
});
