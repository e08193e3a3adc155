// The selection: every candidate, in or out, and why; pinned, skipped and ordered by hand, into the overrides file.

import { $, drag, el, fill, get, post, say, undone } from './dom.js';
import { inTurn, kept, stands } from './issue.js';
import { set, spelled, state } from './state.js';
import { editStory } from './story.js';

let shown = { rows: [], pin: [], skip: [], order: [], included: 0, total: 0, asked: {}, words: '' };
let grabbed = false;
let missed = false; // what was answered meanwhile
let turns = 0; // answers may overtake each other: only the last one asked for is shown
let presses = 0; // what the hand has asked for so far
let saving = 0; // of these, what the server has not answered
let reading; // the answer that was asked for last
const made = new Map(); // the row of each story: it stays the same node when the list changes, and so keeps the focus

// What is shown changes at once: the next press counts from there, not from what the server said before.
function save(changes) {
  const { asked: edition, version, pin, skip, order } = shown;
  const hand = { pin, skip, order, ...changes };
  const skipped = new Set(hand.skip);
  hand.order = hand.order.filter((id) => !skipped.has(id));
  shown = { ...shown, ...hand };
  presses += 1;
  saving += 1;
  draw();
  inTurn(ownFile(edition), version, (newest) => post('/api/overrides', { ...edition, ...hand, version: newest }))
    .then(({ said, undo }) => say(said, undo))
    .catch((error) => say(error.message))
    .then(() => {
      saving -= 1;
      if (saving) return null;
      document.dispatchEvent(new Event('saved')); // the mail follows, though nothing watches the files
      return stories();
    })
    .catch((error) => say(error.message));
}

const ownFile = (edition) => ({ ...edition, file: 'own' });
const without = (list, id) => list.filter((each) => each !== id);
const toggled = (list, id) => (list.includes(id) ? without(list, id) : [...list, id]);
const included = () => shown.rows.filter((each) => each.included);

function move(id, step) {
  const inside = included();
  const from = inside.findIndex((each) => each.id === id);
  const to = from + step;
  if (shown.words || from < 0 || to < 0 || to >= inside.length || !step) return;
  inside.splice(to, 0, ...inside.splice(from, 1));
  shown.rows = [...inside, ...shown.rows.filter((each) => !each.included)];
  save({ order: inside.map((each) => each.id) });
}

const deeds = {
  up: (id) => move(id, -1),
  down: (id) => move(id, 1),
  pin: (id) => save({ pin: toggled(shown.pin, id), skip: without(shown.skip, id) }),
  skip: (id) => save({ skip: toggled(shown.skip, id), pin: without(shown.pin, id), order: without(shown.order, id) }),
  clear: () => save({ pin: [], skip: [], order: [] }),
  edit: (id) => editStory(id),
  new: () => editStory('new'),
};
const LABELS = { edit: ['Edit', 'Edit'], up: ['Move up', '↑'], down: ['Move down', '↓'], pin: ['Pin', 'Pin'], skip: ['Skip', 'Skip'] };

const button = (name, id, words) => el('button', { type: 'button', 'data-do': name, 'data-focus': `${name} ${id}`.trim() }, words);

function newRow(id) {
  return el('li', { tabindex: -1, 'data-id': id },
    el('p', { class: 'story', dir: 'auto' }), el('p', { class: 'why' }),
    el('div', { class: 'hand' },
      el('button', { type: 'button', class: 'grip', 'aria-hidden': 'true', tabindex: -1 }, '⠿'),
      Object.entries(LABELS).map(([name, [, words]]) => button(name, id, words))));
}

function row(story, index) {
  if (!made.has(story.id)) made.set(story.id, newRow(story.id));
  const item = made.get(story.id);
  const movable = story.included && !shown.words;
  item.className = story.included ? 'in-edition' : 'out';
  item.querySelector('.story').textContent = story.title;
  item.querySelector('.why').textContent = `${story.included ? 'In' : 'Out'}: ${story.reason}.`;
  item.querySelector('.grip').hidden = !movable;
  for (const [name, [label]] of Object.entries(LABELS)) {
    const each = item.querySelector(`[data-do="${name}"]`);
    each.setAttribute('aria-label', `${label}: ${story.title}`);
    if (name === 'edit') continue;
    if (name in shown) each.setAttribute('aria-pressed', String(shown[name].includes(story.id)));
    else {
      each.hidden = !movable;
      // Not `disabled`: a button that the story's last move disabled would drop the focus, and the next key with it.
      each.setAttribute('aria-disabled', String(index === (name === 'up' ? 0 : shown.included - 1)));
    }
  }
  return item;
}

// Put the rows in order around the one that has the focus: a node that is taken out, even for a moment, loses it.
function arrange(list, rows) {
  for (const each of [...list.children]) if (!rows.includes(each)) each.remove();
  const still = Math.max(0, rows.findIndex((each) => each.contains(document.activeElement)));
  if (rows.length && rows[still].parentElement !== list) list.prepend(rows[still]);
  for (let at = still - 1; at >= 0; at -= 1) if (rows[at].nextElementSibling !== rows[at + 1]) rows[at + 1].before(rows[at]);
  for (let at = still + 1; at < rows.length; at += 1) if (rows[at].previousElementSibling !== rows[at - 1]) rows[at - 1].after(rows[at]);
}

function draw() {
  const holds = document.activeElement?.dataset.focus;
  const inside = included();
  const outside = shown.rows.filter((each) => !each.included);
  // All that the period holds, and a few of the stories around it.
  const most = shown.words ? outside.length : outside.filter((each) => each.rule !== 'outside-period').length + 8;
  const more = shown.total - inside.length - Math.min(most, outside.length);
  $('stories-tally').textContent = shown.words ? `${shown.total} found` : `${shown.included} in, ${shown.total - shown.included} out`;
  arrange($('stories-in'), inside.map(row));
  arrange($('stories-out'), outside.slice(0, most).map(row));
  $('stories-more').hidden = more <= 0;
  $('stories-more').textContent = `and ${more} more; search for them`;
  $('stories-clear').hidden = !(shown.pin.length + shown.skip.length + shown.order.length);
  for (const [id, item] of made) if (!item.isConnected) made.delete(id);
  // A story that went in or out has changed lists; the focus goes with it.
  if (holds && document.activeElement === document.body) document.querySelector(`#story-rows [data-focus="${CSS.escape(holds)}"]`)?.focus();
}

// Of what changed while it was dragged, too.
async function drop(id, next) {
  grabbed = false;
  await undone;
  if (missed && !saving) await stories().catch((error) => say(error.message));
  if (next === id) return;
  const ids = included().map((each) => each.id);
  const [from, to] = [ids.indexOf(id), next ? ids.indexOf(next) : ids.length];
  move(id, (to > from ? to - 1 : to) - from);
}

// Every key and press is heard here, by what stays: never by a row.
function listen(rows) {
  const idOf = (target) => target.closest('li')?.dataset.id;
  rows.addEventListener('click', ({ target }) => {
    const pressed = target.closest('[data-do]');
    if (pressed && pressed.getAttribute('aria-disabled') !== 'true') undone.then(() => deeds[pressed.dataset.do](idOf(pressed)));
  });
  rows.addEventListener('keydown', (event) => {
    const id = idOf(event.target);
    if (!id || !event.altKey || !['ArrowUp', 'ArrowDown'].includes(event.key)) return;
    event.preventDefault();
    undone.then(() => move(id, event.key === 'ArrowUp' ? -1 : 1));
  });
  rows.addEventListener('pointerdown', (event) => {
    const item = event.target.closest('.grip')?.closest('li');
    if (item) grabbed ||= drag(event, item, (before) => drop(item.dataset.id, before?.dataset.id));
  });
}

function frame() {
  if ($('search')) return;
  const search = el('input', { id: 'search', type: 'search', 'aria-label': 'Search the stories', placeholder: 'Search', value: state.q });
  search.addEventListener('input', () => set({ q: search.value }));
  const rows = el('div', { id: 'story-rows' },
    el('ol', { class: 'rows', id: 'stories-in' }), el('ul', { class: 'rows', id: 'stories-out' }),
    el('p', { class: 'small soft', id: 'stories-more', hidden: true }),
    el('p', { id: 'stories-clear', hidden: true }, button('clear', '', 'Undo every pin, skip and move')));
  const all = el('div', { class: 'stacked' }, el('p', {}, button('new', '', 'Write a new story')), search, el('div', { id: 'stories-wrong' }), rows);
  listen(all);
  fill($('stories'), all);
}

async function read() {
  missed = grabbed; // not under a hand that drags
  if (grabbed) return;
  frame();
  const turn = (turns += 1);
  const [before, saves] = [presses, kept];
  const [edition, words] = [spelled(), state.q];
  const data = await get('/api/selection', { ...edition, q: words });
  // An answer from before the last press would take it back. The last save asks again.
  if (turn !== turns) return reading;
  missed = grabbed;
  if (saving || presses !== before || kept !== saves || grabbed) return;
  stands(ownFile(edition), data.version);
  shown = { ...data, asked: edition, words };
  $('stories-wrong').replaceChildren();
  draw();
}

export const stories = () => (reading = read());
