// The issue beside its stories: subject, preheader, intro, and the blocks in their order.

import { $, Refused, counted, drag, el, fill, get, post, queued, say, undone } from './dom.js';
import { edit } from './editor.js';
import { showWords } from './frames.js';
import { spelled } from './state.js';

let shown = null; // what the panel shows: what the server said last, and what was asked of it since
let file = 'own'; // or 'all', the file of every audience
let dragged = false;
let missed = false; // what was answered meanwhile
let wanted = 'letter'; // the kind that is to be added: chosen once, it stays chosen when the panel is drawn anew

let saving = 0; // changes that the server has not answered
let asking = 0;
let answered = 0; // answers may overtake each other: none goes over one that was asked for later

const about = () => ({ ...spelled(), file });
const nameOf = ({ period, audience, language, file: which }) => [period, audience, language, which].join(' ');
const isAbout = (one, other) => nameOf(one) === nameOf(other);
export let kept = 0; // saves so far: what was read while one went on may be of before it, and is read again after it
const ours = new Map(); // the version that a save of this page left, by the one that it went over

const key = (edition, version) => `${nameOf(edition)} ${version}`;

// This version stands in the file now: it may be an earlier one again.
export const stands = (edition, version) => ours.delete(key(edition, version));

// After all that was asked for before, and over what those left of the version that is meant.
export function inTurn(edition, version, task) {
  saving += 1;
  const go = async () => {
    let newest = version;
    while (ours.has(key(edition, newest))) newest = ours.get(key(edition, newest));
    const saved = await task(newest);
    ours.set(key(edition, newest), saved.version);
    stands(edition, saved.version);
    kept += 1;
    return saved;
  };
  return queued(() => go().finally(() => { saving -= 1; }));
}

// Neither under a hand that drags, nor over what is being saved of the same rows.
function isBusy(edition) {
  missed = dragged;
  return dragged || Boolean(saving && shown && isAbout(shown.edition, edition));
}

// Rows and version go together: whoever presses at a row means what stands there.
function take(found, edition, turn, before) {
  if (isBusy(edition) || turn < answered || kept !== before || !isAbout(edition, about())) return;
  answered = turn;
  stands(edition, found.version);
  shown = { ...found, edition };
  draw();
}

async function read(edition) {
  const [turn, before] = [asking += 1, kept];
  const found = await get('/api/issue', edition);
  take(found, edition, turn, before);
  return found;
}

const kindOf = (found, name) => found.kinds.find((each) => each.name === name);

const keyIn = (name, edition) => `${name} ${nameOf(edition)}`;

// What is edited belongs to the edition and the file that were chosen when it was opened, whatever is looked at later.
function subject(key, title, fields, values, body) {
  const edition = about();
  return {
    key: keyIn(key, edition),
    edition,
    load: async () => {
      const found = await read(edition);
      return { title, file: found.file, version: found.version, fields: fields(found), values: values(found) };
    },
    send: (form, from) => inTurn(edition, from, (version) => post('/api/issue', { ...edition, ...body(form), version })),
    draft: (form) => ({ ...edition, ...body(form) }),
  };
}

const texts = () => subject('texts', 'The issue’s words', (found) => found.fields, (found) => found.values, (form) => ({ do: 'texts', values: form.changed() }));

const words = ({ kind, values }) => JSON.stringify([kind, values]);

// Where a block is that was shown in this place; -1 where it is no more.
function placeOf(one, index) {
  const isIt = (each) => words(each) === words(one);
  return index in shown.blocks && isIt(shown.blocks[index]) ? index : shown.blocks.findIndex(isIt);
}

// A block is known by its words: it is moved while its form is open, and others may come before it.
function block(index) {
  const { kind, title } = shown.blocks[index];
  let was = words(shown.blocks[index]);
  let at = index;
  const isIn = ({ blocks }) => {
    const moved = blocks.findIndex((each) => words(each) === was);
    if (moved >= 0 && (!blocks[at] || words(blocks[at]) !== was)) at = moved;
    return moved >= 0;
  };
  const values = (found) => {
    if (!isIn(found) && found.blocks[at]) was = words(found.blocks[at]);
    return found.blocks[at]?.values ?? {};
  };
  let gone = false; // from the file: it is written anew
  const body = (form) => (gone ? { do: 'add', kind, values: form.all() } : { do: 'change', index: at, kind, was: form.values, values: form.changed() });
  const made = subject(`block ${was}`, `Edit the ${kind}`, (found) => kindOf(found, kind).fields, values, body);
  return {
    ...made,
    renew: () => { gone = true; },
    get key() { return keyIn(`block ${was}`, made.edition); },
    send: (form, from) => inTurn(made.edition, from, async (version) => {
      if (isAbout(shown.edition, made.edition)) isIn(shown);
      const saved = await post('/api/issue', { ...made.edition, ...body(form), version });
      was = words({ kind, values: saved.values });
      [at, gone] = [saved.index, false];
      return saved;
    }),
    opened: () => { if (window.innerWidth > 1024) showWords(title); }, // else the form would be out of sight
  };
}

function added(kind) {
  const made = subject(`new ${kind}`, `A new ${kind}`, (found) => kindOf(found, kind).fields, () => ({}), (form) => ({ do: 'add', kind, values: form.all() }));
  const body = made.send;
  let index = null; // once it is saved, it is a block like the others
  return {
    ...made,
    fresh: true,
    send: async function send(form, version) {
      if (index !== null) return inTurn(made.edition, version, (newest) => post('/api/issue', { ...made.edition, do: 'change', index, kind, was: form.values, values: form.changed(), version: newest }));
      const saved = await body(form, version);
      index = saved.index;
      Object.assign(this, { fresh: false, key: keyIn(`block ${words({ kind, values: saved.values })}`, made.edition) });
      return saved;
    },
    draft: (form) => (index === null ? made.draft(form) : { ...made.edition, do: 'change', index, kind, was: form.values, values: form.changed() }),
  };
}

export async function editIssue(place) {
  file = place.file;
  await queued(issue);
  // A block that the list does not have is the one that is being added.
  await edit(place.block < 0 ? texts() : place.block in shown.blocks ? block(place.block) : added(place.kind), place.field);
}

// What is shown changed already: the next press counts from there. It is of the edition in which it was pressed.
async function change(body, focus) {
  const on = shown;
  say('Saving…'); // an Undo that is still there is of something else
  draw();
  document.querySelector(`#issue [data-focus="${focus}"]`)?.focus();
  try {
    const saved = await inTurn(on.edition, on.version, (version) => {
      if (on.refused) throw new Refused(['What was asked for before was refused; so this was not done.']);
      return post('/api/issue', { ...on.edition, ...body, version });
    });
    say(saved.said, saved.undo);
    document.dispatchEvent(new Event('saved'));
  } catch (error) {
    on.refused = true;
    if (!error.errors) throw error;
    say(error.message);
  }
  await issue();
}

function move(index, to, way) {
  if (to < 0 || to >= shown.blocks.length || to === index) return;
  shown.blocks.splice(to, 0, ...shown.blocks.splice(index, 1));
  change({ do: 'move', index, to }, `${way} ${to}`);
}

function remove(index) {
  shown.blocks.splice(index, 1);
  change({ do: 'remove', index }, shown.blocks.length ? `edit-block ${Math.min(index, shown.blocks.length - 1)}` : 'add-block');
}

const button = (name, index, label, words, off, onclick) => el('button', {
  type: 'button', 'data-focus': `${name} ${index}`, 'aria-label': label, 'aria-disabled': off ? 'true' : null, onclick: off ? null : onclick,
}, words);

function row(one, index) {
  const { kind, title } = one;
  const press = async (deed) => {
    await undone;
    if (missed) await issue();
    const at = placeOf(one, index);
    if (at < 0) say('That block is not there any more.');
    else deed(at);
  };
  const drop = (before, number) => {
    const next = shown.blocks[number];
    dragged = false;
    if (before !== item) press((at) => { const to = before ? placeOf(next, number) : shown.blocks.length; move(at, to > at ? to - 1 : to, 'up'); });
    else if (missed) issue();
  };
  const name = title ? `${kind} “${title}”` : kind;
  const last = shown.blocks.length - 1;
  const grip = el('button', { type: 'button', class: 'grip', 'aria-hidden': 'true', tabindex: -1 }, '⠿');
  const item = el('li', {},
    el('p', { class: 'story', dir: 'auto' }, title || kind), el('p', { class: 'why' }, kind),
    el('div', { class: 'hand' }, grip,
      button('edit-block', index, `Edit: ${name}`, 'Edit', false, () => edit(block(index))),
      button('up', index, `Move up: ${name}`, '↑', index === 0, () => press((at) => move(at, at - 1, 'up'))),
      button('down', index, `Move down: ${name}`, '↓', index === last, () => press((at) => move(at, at + 1, 'down'))),
      button('remove', index, `Remove: ${name}`, 'Remove', false, () => press(remove))));
  grip.addEventListener('pointerdown', (event) => { dragged ||= drag(event, item, drop); });
  item.addEventListener('keydown', (event) => {
    const step = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    press((at) => move(at, at + step, step < 0 ? 'up' : 'down'));
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

export async function issue() {
  if (!isBusy(about())) await read(about());
}
