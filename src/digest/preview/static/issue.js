// The issue beside its stories: subject, preheader, intro, and the blocks in their order.

import { $, counted, el, fill, get, post, say } from './dom.js';
import { edit } from './editor.js';
import { showWords } from './frames.js';
import { asked } from './state.js';

let shown = null; // what the server said last
let file = 'own'; // or 'all', the file of every audience
let queue = Promise.resolve(); // one change at a time, each over what the last one left
let dragged = null;
let wanted = 'letter'; // the kind that is to be added: chosen once, it stays chosen when the panel is drawn anew

// After all that was asked for before; what a save left is what the next one goes over.
function inTurn(task) {
  const turn = queue.then(async () => {
    const saved = await task();
    shown.version = saved.version;
    return saved;
  });
  queue = turn.catch(() => {});
  return turn;
}

const about = () => ({ ...asked(), file });
const kindOf = (name) => shown.kinds.find((each) => each.name === name);

// What is edited belongs to the edition and the file that were chosen when it was opened, whatever is looked at later.
function subject(key, title, fields, values, body) {
  const edition = about();
  return {
    key: `${key} ${file} ${edition.period} ${edition.audience} ${edition.language}`,
    edition,
    load: async () => {
      shown = await get('/api/issue', edition);
      return { title, file: shown.file, version: shown.version, fields: fields(), values: values() };
    },
    send: (form, version) => inTurn(() => post('/api/issue', { ...edition, ...body(form), version })),
    draft: (form) => ({ ...edition, ...body(form) }),
  };
}

const texts = () => subject('texts', 'The issue’s words', () => shown.fields, () => shown.values, (form) => ({ do: 'texts', values: form.changed() }));

function block(index) {
  const { kind } = shown.blocks[index];
  const made = subject(`block ${index}`, `Edit the ${kind}`, () => kindOf(kind).fields, () => shown.blocks[index]?.values ?? {}, (form) => ({ do: 'change', index, kind, was: form.values, values: form.changed() }));
  return { ...made, opened: () => showWords(shown.blocks[index].title) };
}

function added(kind) {
  const made = subject(`new ${kind}`, `A new ${kind}`, () => kindOf(kind).fields, () => ({}), (form) => ({ do: 'add', kind, values: form.all() }));
  const body = made.send;
  let index = null; // once it is saved, it is a block like the others
  return {
    ...made,
    fresh: true,
    send: async function send(form, version) {
      if (index !== null) return inTurn(() => post('/api/issue', { ...made.edition, do: 'change', index, kind, was: form.values, values: form.changed(), version }));
      const saved = await body(form, version);
      index = saved.index;
      Object.assign(this, { fresh: false });
      return saved;
    },
    draft: (form) => (index === null ? made.draft(form) : { ...made.edition, do: 'change', index, kind, was: form.values, values: form.changed() }),
  };
}

export async function editIssue(place) {
  file = place.file;
  await issue();
  await edit(place.block >= 0 ? block(place.block) : texts(), place.field);
}

async function change(body, focus) {
  try {
    const saved = await inTurn(() => post('/api/issue', { ...about(), ...body, version: shown.version }));
    say(saved.said, saved.undo);
    document.dispatchEvent(new Event('saved'));
  } catch (error) {
    if (!error.errors) throw error;
    say(error.message);
  }
  await issue();
  if (focus) document.querySelector(`#issue [data-focus="${focus}"]`)?.focus();
}

function move(index, to, way) {
  if (to >= 0 && to < shown.blocks.length && to !== index) change({ do: 'move', index, to }, `${way} ${to}`);
}

function remove(index) {
  change({ do: 'remove', index }, shown.blocks.length > 1 ? `edit-block ${Math.min(index, shown.blocks.length - 2)}` : 'add-block');
}

const button = (name, index, label, words, off, onclick) => el('button', {
  type: 'button', 'data-focus': `${name} ${index}`, 'aria-label': label, 'aria-disabled': off ? 'true' : null, onclick: off ? null : onclick,
}, words);

// Drag by pointer, so that it works with a mouse, a pen and a finger alike.
function grab(event, item, index) {
  event.preventDefault();
  dragged = item;
  item.classList.add('moved');
  event.target.setPointerCapture(event.pointerId);
  const items = () => [...item.parentElement.children];
  let to = index;
  const over = (at) => {
    for (const each of items()) each.classList.remove('drop');
    const before = items().findIndex((each) => at.clientY < each.getBoundingClientRect().top + each.offsetHeight / 2);
    to = before < 0 ? items().length : before;
    items()[to]?.classList.add('drop');
  };
  event.target.addEventListener('pointermove', over);
  event.target.addEventListener('lostpointercapture', () => {
    event.target.removeEventListener('pointermove', over);
    for (const each of items()) each.classList.remove('drop', 'moved');
    dragged = null;
    move(index, to > index ? to - 1 : to, 'up');
  }, { once: true });
}

function row({ kind, title }, index) {
  const name = title ? `${kind} “${title}”` : kind;
  const last = shown.blocks.length - 1;
  const grip = el('button', { type: 'button', class: 'grip', 'aria-hidden': 'true', tabindex: -1 }, '⠿');
  const item = el('li', {},
    el('p', { class: 'story', dir: 'auto' }, title || kind), el('p', { class: 'why' }, kind),
    el('div', { class: 'hand' }, grip,
      button('edit-block', index, `Edit: ${name}`, 'Edit', false, () => edit(block(index))),
      button('up', index, `Move up: ${name}`, '↑', index === 0, () => move(index, index - 1, 'up')),
      button('down', index, `Move down: ${name}`, '↓', index === last, () => move(index, index + 1, 'down')),
      button('remove', index, `Remove: ${name}`, 'Remove', false, () => remove(index))));
  grip.addEventListener('pointerdown', (event) => grab(event, item, index));
  item.addEventListener('keydown', (event) => {
    const step = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    move(index, index + step, step < 0 ? 'up' : 'down');
  });
  return item;
}

function draw() {
  const { values, blocks, others, kinds } = shown;
  const choice = el('select', { id: 'block-kind', 'data-focus': 'block-kind', onchange: (event) => { wanted = event.target.value; } },
    kinds.map((each) => el('option', { value: each.name, selected: each.name === wanted }, `${each.name}: ${each.use}`)));
  const whose = el('select', { id: 'issue-file', 'data-focus': 'issue-file', onchange: (event) => { file = event.target.value; issue(); } },
    [['own', 'this audience'], ['all', 'every audience']].map(([name, label]) => el('option', { value: name, selected: name === file }, label)));
  $('issue-tally').textContent = counted(blocks.length + others.length, 'block');
  fill($('issue'),
    el('div', { class: 'action' }, el('label', { for: 'issue-file' }, 'What is written here is for'), whose, el('p', { class: 'small soft' }, `${shown.file}${shown.language ? `, in ${shown.language}` : ''}`)),
    el('dl', { class: 'texts' }, shown.fields.flatMap((field) => [el('dt', {}, field.label), el('dd', { dir: 'auto' }, values[field.key] || '–')])),
    el('button', { type: 'button', 'data-focus': 'texts', onclick: () => edit(texts()) }, 'Edit subject, preheader, intro'),
    el('h3', {}, 'Blocks'),
    blocks.length ? el('ol', { class: 'rows', id: 'blocks' }, blocks.map(row)) : el('p', { class: 'soft small' }, 'None yet.'),
    el('div', { class: 'action' }, el('label', { for: 'block-kind' }, 'Add a block'), choice, el('button', { type: 'button', 'data-focus': 'add-block', onclick: () => edit(added(wanted)) }, 'Add')),
    others.length ? el('h3', {}, 'Also in this issue') : null,
    others.length ? el('ul', { class: 'rows' }, others.map((each) => el('li', {}, el('p', { class: 'story', dir: 'auto' }, each.title || each.kind), el('p', { class: 'why' }, `${each.kind}, ${each.recurring ? 'in every issue; edit it in' : 'from'} ${each.where}`)))) : null);
}

let asking = 0;
let answered = 0; // answers may overtake each other: none goes over one that was asked for later

export async function issue() {
  if (dragged) return; // not under a hand that drags
  const turn = (asking += 1);
  const found = await get('/api/issue', about());
  if (turn < answered || dragged) return;
  answered = turn;
  shown = found;
  draw();
}
