// The selection: every candidate, in or out, and why; pinned, skipped and ordered by hand, into the overrides file.

import { $, el, fill, get, post, say } from './dom.js';
import { asked, set, state } from './state.js';

let shown = { rows: [], pin: [], skip: [], order: [], included: 0, total: 0 };
let grabbed = null;
let turns = 0; // answers may overtake each other: only the last one asked for is shown

async function save(changes) {
  const hand = { pin: shown.pin, skip: shown.skip, order: shown.order, ...changes };
  const skipped = new Set(hand.skip);
  hand.order = hand.order.filter((id) => !skipped.has(id));
  try {
    const { saved } = await post('/api/overrides', { ...asked(), ...hand });
    say(`Saved in ${saved}`);
  } catch (error) {
    say(error.message);
  }
}

const without = (list, id) => list.filter((each) => each !== id);
const toggled = (list, id) => (list.includes(id) ? without(list, id) : [...list, id]);

const pin = (id) => save({ pin: toggled(shown.pin, id), skip: without(shown.skip, id) });
const skip = (id) => save({ skip: toggled(shown.skip, id), pin: without(shown.pin, id), order: without(shown.order, id) });

function move(id, to) {
  const ids = shown.rows.filter((row) => row.included).map((row) => row.id);
  const from = ids.indexOf(id);
  if (from < 0 || to < 0 || to >= ids.length || to === from) return;
  ids.splice(to, 0, ...ids.splice(from, 1));
  save({ order: ids });
}

function row(story, index) {
  const hand = el('div', { class: 'hand' });
  const item = el('li', { class: story.included ? 'in-edition' : 'out', tabindex: -1, 'data-id': story.id },
    el('p', { class: 'story', dir: 'auto' }, story.title),
    el('p', { class: 'why' }, `${story.included ? 'In' : 'Out'}: ${story.reason}.`), hand);
  const button = (name, label, action, properties = {}) => el('button', { type: 'button', 'data-focus': `${name} ${story.id}`, 'aria-label': `${label}: ${story.title}`, onclick: action, ...properties }, properties.shown ?? label);
  const searching = Boolean(state.q);
  if (story.included && !searching) {
    hand.append(
      el('button', { type: 'button', class: 'grip', 'aria-hidden': 'true', tabindex: -1, onpointerdown: (event) => grab(event, item, story.id) }, '⠿'),
      button('up', 'Move up', () => move(story.id, index - 1), { shown: '↑', disabled: index === 0 }),
      button('down', 'Move down', () => move(story.id, index + 1), { shown: '↓', disabled: index === shown.included - 1 }));
    item.addEventListener('keydown', (event) => {
      if (!event.altKey || !['ArrowUp', 'ArrowDown'].includes(event.key)) return;
      event.preventDefault();
      move(story.id, index + (event.key === 'ArrowUp' ? -1 : 1));
    });
  }
  hand.append(
    button('pin', 'Pin', () => pin(story.id), { 'aria-pressed': String(shown.pin.includes(story.id)) }),
    button('skip', 'Skip', () => skip(story.id), { 'aria-pressed': String(shown.skip.includes(story.id)) }));
  return item;
}

// Drag by pointer, so that it works with a mouse, a pen and a finger alike.
function grab(event, item, id) {
  event.preventDefault();
  grabbed = id;
  item.classList.add('moved');
  event.target.setPointerCapture(event.pointerId);
  const items = () => [...document.querySelectorAll('.rows .in-edition')];
  let to = items().indexOf(item);
  const over = (at) => {
    for (const each of items()) each.classList.remove('drop');
    const before = items().findIndex((each) => at.clientY < each.getBoundingClientRect().top + each.offsetHeight / 2);
    to = before < 0 ? items().length : before;
    items()[to]?.classList.add('drop');
  };
  const drop = () => {
    event.target.removeEventListener('pointermove', over);
    for (const each of items()) each.classList.remove('drop', 'moved');
    const from = items().indexOf(item);
    grabbed = null;
    move(id, to > from ? to - 1 : to);
  };
  event.target.addEventListener('pointermove', over);
  event.target.addEventListener('lostpointercapture', drop, { once: true });
}

function frame() {
  if ($('search')) return;
  const search = el('input', { id: 'search', type: 'search', 'aria-label': 'Search the stories', placeholder: 'Search', value: state.q });
  search.addEventListener('input', () => set({ q: search.value }));
  fill($('stories'), search, el('div', { id: 'story-rows' }));
}

export async function stories() {
  if (grabbed) return; // not under a hand that drags
  frame();
  const turn = (turns += 1);
  const words = state.q;
  const data = await get('/api/selection', { ...asked(), q: words });
  if (turn !== turns) return;
  shown = data;
  $('stories-tally').textContent = words ? `${data.total} found` : `${data.included} in, ${data.total - data.included} out`;
  const hands = data.pin.length + data.skip.length + data.order.length;
  const inside = data.rows.filter((each) => each.included);
  const outside = data.rows.filter((each) => !each.included);
  // All that the period holds, and a few of the stories around it.
  const most = words ? outside.length : outside.filter((each) => each.rule !== 'outside-period').length + 8;
  fill($('story-rows'),
    el('ol', { class: 'rows' }, inside.map(row)),
    el('ul', { class: 'rows' }, outside.slice(0, most).map(row)),
    outside.length > most || data.total > data.rows.length ? el('p', { class: 'small soft' }, `and ${data.total - inside.length - Math.min(most, outside.length)} more; search for them`) : null,
    hands ? el('p', {}, el('button', { type: 'button', 'data-focus': 'clear', onclick: () => save({ pin: [], skip: [], order: [] }) }, 'Undo every pin, skip and move')) : null);
}
