// Import: an address, a file or a source of config.yaml, read and shown as a diff; taken only when somebody says so.

import { $, counted, el, fill, focusStays, latest, post, say, upload } from './dom.js';

let offer = null;
let sources = [];
let result = ''; // what the last reading came to, as long as nothing else is read
let working = false;
const typed = { address: '', channel: '', language: '' };

const rows = (diff) => diff.split('\n').filter((line) => line && !line.startsWith('--- ')).map((line) => {
  if (line.startsWith('+++ ')) return el('strong', {}, line.slice(4).replace(/^b\//, ''));
  if (line.startsWith('@@')) return el('span', {}, '⋯');
  return el({ '+': 'ins', '-': 'del' }[line[0]] ?? 'span', {}, line.slice(1) || ' ');
});

function shown() {
  if (!offer) return null;
  const nothing = !offer.forced && !offer.new && !offer.changed;
  const take = el('button', { type: 'button', class: 'main', 'data-focus': 'take', disabled: nothing }, nothing ? 'Nothing to take' : `Take it: ${offer.new} new, ${offer.changed} changed`);
  take.addEventListener('click', () => work(take, async () => {
    const { said, undo } = await post('/api/import/take', { offer: offer.offer });
    offer = null;
    say(said, undo);
    document.dispatchEvent(new Event('saved'));
  }));
  // Far fewer stories than before is a mistake of the source, mostly: who knows better looks at the change first.
  const insist = offer.shrank ? el('button', { type: 'button', 'data-focus': 'insist' }, 'It really has fewer: show what would change') : null;
  insist?.addEventListener('click', () => work(insist, async () => { offer = await post('/api/import/source', { name: offer.name, force: true }); }));
  const leave = el('button', { type: 'button', 'data-focus': 'leave', onclick: () => { offer = null; draw(); $('import-address').focus(); } }, 'Leave it');
  return el('div', { class: 'offer', id: 'offer', role: 'group', 'aria-label': 'What would change', tabindex: -1, 'data-focus': 'offer' },
    el('p', {}, el('strong', { dir: 'auto' }, offer.name)),
    offer.lines.map((line) => el('p', { class: 'small', dir: 'auto' }, line)),
    offer.diff ? el('div', { class: 'diff', 'data-scroll': offer.offer, tabindex: 0, role: 'group', 'aria-label': 'The change, file by file' }, rows(offer.diff)) : null,
    offer.cut ? el('p', { class: 'small soft' }, 'The rest is too long to show here; all of it would be taken.') : null,
    el('div', { class: 'buttons' }, insist ?? take, leave));
}

async function work(button, task) {
  if (working) { say('Something is being read already.'); return; }
  const from = document.activeElement;
  button.disabled = true;
  working = true;
  $('import-result').textContent = 'Reading…';
  result = '';
  try {
    await task();
    await readSources();
  } catch (error) {
    if (!error.errors) throw error;
    result = error.message;
  } finally {
    working = false;
  }
  const stays = focusStays(from) || $('import').contains(document.activeElement);
  draw();
  if (offer && stays) $('offer').focus();
}

const about = () => ({ channel: typed.channel, language: typed.language });
const fromFile = (button, file) => work(button, async () => { offer = await upload('/api/import/file', { ...about(), name: file.name }, file); });

function line(name, label, help) {
  return el('div', { class: 'row' }, el('label', { for: `import-${name}` }, label),
    el('input', { id: `import-${name}`, 'data-focus': name, value: typed[name], autocomplete: 'off', spellcheck: 'false', 'aria-describedby': help ? `import-${name}-help` : null, oninput: (event) => { typed[name] = event.target.value; } }),
    help ? el('p', { class: 'small soft', id: `import-${name}-help` }, help) : null);
}

function sourceRow(source) {
  const look = el('button', { type: 'button', 'data-focus': `source ${source.name}`, 'aria-label': `Read ${source.name} now` }, 'Read now');
  look.addEventListener('click', () => work(look, async () => { offer = await post('/api/import/source', { name: source.name }); }));
  return el('li', {},
    el('p', {}, el('strong', { dir: 'auto' }, source.name), source.channel ? `, for ${source.channel}` : ''),
    el('p', { class: 'small soft' }, source.url),
    el('p', { class: source.trouble ? 'small fault' : 'small' }, source.trouble || (source.read ? `read ${source.read}, ${counted(source.stories, 'story', 'stories')}` : 'never read')),
    look);
}

const askSources = latest();
const readSources = async () => { ({ sources } = await askSources('/api/sources') ?? { sources }); };

function draw() {
  const more = Boolean($('import').querySelector('details')?.open);
  const look = el('button', { type: 'button', 'data-focus': 'look' }, 'Show what it would bring');
  const file = el('input', { type: 'file', id: 'import-file', 'data-focus': 'file' });
  file.addEventListener('change', () => { if (file.files.length) fromFile(file, file.files[0]); });
  const ask = el('form', { class: 'form' }, line('address', 'A listing page, a feed, a table', 'An address that begins with https://'), look);
  ask.addEventListener('submit', (event) => {
    event.preventDefault();
    work(look, async () => { offer = await post('/api/import', { address: typed.address, ...about() }); });
  });
  look.type = 'submit';
  const drop = el('div', { class: 'drop-zone' }, el('label', { for: 'import-file' }, 'Or a file: drop it here, or choose it'), file);
  drop.addEventListener('dragover', (event) => { event.preventDefault(); drop.classList.add('over'); });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    if (event.dataTransfer.files.length) fromFile(file, event.dataTransfer.files[0]);
  });
  fill($('import'), ask, drop,
    el('details', { class: 'more', open: more }, el('summary', {}, 'More'), line('channel', 'Channel', 'The listing’s own title if empty.'), line('language', 'Language', 'A tag like fr, where the listing does not say it.')),
    el('p', { id: 'import-result', class: 'small fault', role: 'alert' }, result), shown(),
    sources.length ? el('h3', {}, 'Sources of config.yaml') : null, sources.length ? el('ul', { class: 'rows' }, sources.map(sourceRow)) : null);
}

// Not under who types there, or waits for what is read there.
const inUse = () => working || $('import').contains(document.activeElement);

export async function importing() {
  if (inUse()) return;
  await readSources();
  if (!inUse()) draw();
}
