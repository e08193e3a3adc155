// The page: what is asked, what is shown, the keys, and staying up to date.

import { act } from './act.js';
import { $, counted, dropsNothing, el, fill, focusStays, get, meta, named, say, stored } from './dom.js';
import { again, follow as followEditor, leave } from './editor.js';
import { fit, show, showFirst, unmark } from './frames.js';
import { importing } from './importing.js';
import { editIssue, issue } from './issue.js';
import { calendar, checks, compare, inbox, saves } from './panels.js';
import { SCHEMES, TABS, WIDTHS, asked, here, onChange, set, state } from './state.js';
import { steps } from './steps.js';
import { stories } from './stories.js';
import { editStory, resume } from './story.js';

const EDITION = ['period', 'audience', 'language', 'who'];
const LOOK = ['tab', 'scheme', 'images', 'style', 'size', 'at'];
const PANELS = ['checks', 'issue', 'stories', 'import', 'calendar', 'compare', 'act', 'saves'];
let facts = null;
let asking = 0;
let around = null; // of what was asked for last, once it is known: its period, the one before and the one after
let ahead = 0; // presses of ‹ (below 0) and ›: each waits until it is known where the one before it leads

function segment(place, pairs, action) {
  fill($(place), pairs.map(([name, label, pressed]) => el('button', { type: 'button', 'data-focus': name, 'aria-pressed': String(Boolean(pressed)), onclick: () => action(name) }, label)));
}

function tools() {
  fill($('tabs'), TABS.map(([name, label]) => el('button', {
    type: 'button', role: 'tab', id: `tab-${name}`, 'data-focus': name, 'aria-controls': 'board',
    'aria-selected': String(state.tab === name), tabindex: state.tab === name ? 0 : -1, onclick: () => set({ tab: name }),
  }, label)));
  segment('widths', [...WIDTHS.map((width) => [String(width), String(width), Number(state.width) === width]), ['two', 'Two', state.second]], (name) => {
    if (name === 'two') set({ second: state.second ? '' : state.width === '375' ? '600' : '375' });
    else set({ width: name });
  });
  segment('schemes', SCHEMES.map(([name, label]) => [name, label, state.scheme === name]), (name) => set({ scheme: name }));
  segment('switches', [['images', 'No images', state.images === 'off'], ['style', 'No <style>', state.style === 'off'], ['size', 'Text 200 %', state.size === '200']], flip);
}

function flip(name) {
  set(name === 'size' ? { size: state.size === '200' ? '100' : '200' } : { [name]: state[name] === 'off' ? 'on' : 'off' });
}

const option = (value, label, chosen) => el('option', { value, selected: value === chosen }, label);

function choices() {
  $('newsroom').textContent = facts.newsroom;
  document.documentElement.dataset.draft = here.draft ? 'yes' : 'no';
  document.title = `${facts.inbox.subject || facts.edition.id} – preview`;
  fill($('audience'), facts.audiences.map((each) => option(each.name, each.title, facts.edition.audience)));
  const languages = facts.audiences.find((each) => each.name === facts.edition.audience).languages;
  fill($('language'), languages.map((each) => option(each, each, facts.edition.language)));
  $('language').disabled = languages.length < 2;
  const known = listed.id === facts.edition.id ? listed.readers : [];
  const reader = state.who.startsWith('reader:') && !known.some((each) => `reader:${each.address}` === state.who) ? [option(state.who, state.who.slice(7), state.who)] : [];
  const readers = el('optgroup', { label: 'A reader from the list', id: 'readers' }, reader,
    known.map((each) => option(`reader:${each.address}`, each.name ? `${each.name} <${each.address}>` : each.address, state.who)), known.length ? null : option('list', 'Choose…', ''));
  fill($('who'), option('', 'Nobody in particular', state.who), readers,
    el('optgroup', { label: 'A stress case' }, facts.cases.map((each) => option(`case:${each.name}`, each.title, state.who))));
  $('who').value = state.who;
}

let listed = { id: '', readers: [] }; // of the edition with this id

async function listReaders() {
  const from = document.activeElement;
  const { id } = facts.edition;
  const readers = await get('/api/readers', asked());
  if (facts.edition.id !== id) return;
  listed = { id, readers };
  choices();
  say(readers.length ? `${counted(readers.length, 'reader')} to choose from` : 'The list has no reader for this edition.');
  if (focusStays(from)) $('who').focus();
}

function complain(errors, stale) {
  $('errors').hidden = !errors.length;
  if (errors.length) fill($('errors'), el('p', {}, el('strong', {}, stale ? 'This does not work now; below is the last good mail.' : 'This does not work.')), errors.map((line) => el('p', {}, line)));
}

const drawers = { checks: () => checks(facts), issue, stories, import: importing, calendar, compare, act: () => act(facts), saves };

const drawings = {}; // how often each was to be drawn: what was wrong the last time but one is nobody's by now

async function panel(name) {
  const turn = drawings[name] = (drawings[name] ?? 0) + 1;
  try {
    await drawers[name]();
  } catch (error) {
    if (!error.errors) throw error;
    if (turn === drawings[name]) ($(`${name}-wrong`) ?? $(name)).replaceChildren(...error.errors.map((line) => el('p', { class: 'soft' }, line)));
  }
}

function turnBy(presses) {
  ahead += presses;
  const period = around && ahead && around[ahead < 0 ? 'previous' : 'next'];
  if (!period) { if (around) ahead = 0; return; }
  const rest = ahead - Math.sign(ahead);
  set({ period });
  ahead = rest;
}

function stands(edition) {
  around = edition;
  if (document.activeElement !== $('period')) $('period').value = edition.period;
  $('previous').disabled = !edition.previous;
  $('next').disabled = !edition.next;
  turnBy(0);
}

// After a save the mail comes first, and what is said of it as soon as that is found out.
async function refresh(saved = false) {
  const turn = (asking += 1);
  try {
    const shown = saved && facts && await showFirst();
    document.documentElement.dataset.draft = here.draft ? 'yes' : 'no';
    if (turn !== asking) return;
    const found = await get('/api/edition', asked());
    if (turn !== asking) return;
    facts = found;
    stands(facts.edition);
    if (turn !== asking) return;
    const { period, audience, language, month } = facts.edition;
    Object.assign(here, { month, edition: { period, audience, language } });
    complain(facts.errors, true);
    choices();
    inbox(facts);
    checks(facts);
    if (!shown) await show(facts);
  } catch (error) {
    if (!error.errors) throw error;
    if (turn !== asking) return;
    if (error.around) stands(error.around);
    else [around, ahead] = [facts?.edition, 0];
    if (turn !== asking) return;
    complain(error.errors, false);
  }
  if (turn !== asking) return;
  await Promise.all([steps(), ...PANELS.filter((name) => name !== 'checks' && facts && $(`panel-${name}`).open).map(panel)]);
  document.documentElement.dataset.revision = facts?.revision ?? '';
}

onChange(async (changed) => {
  tools();
  if (EDITION.some((key) => changed.has(key))) {
    [around, ahead] = [null, 0];
    unmark();
    leave(); // a form with nothing typed in it; any other stays, and saves where it was opened
    await refresh();
  }
  else {
    if (LOOK.some((key) => changed.has(key)) || changed.has('second')) await show(facts).catch((error) => complain(error.errors ?? [String(error)], false));
    else if (changed.has('width')) fit();
    if (changed.has('q')) await panel('stories');
    if (changed.has('at')) await panel('compare');
  }
});

// A browser opens six connections to one server, and lets the seventh wait: a tab that nobody sees gives its own back.
function follow() {
  let stream;
  let lost = 0; // it comes again by itself, mostly at once; else that is said
  let seen = meta(document, 'seen'); // how often something had changed when the page was asked for
  const listen = () => {
    stream?.close();
    if (document.hidden) return;
    stream = new EventSource('/api/events');
    stream.addEventListener('hello', ({ data }) => {
      document.documentElement.dataset.live = 'yes';
      clearTimeout(lost);
      if (lost || seen !== data) { refresh(); followEditor(); again(); }
      [lost, seen] = [0, data];
    });
    stream.addEventListener('change', ({ data }) => { seen = data; refresh(); followEditor(); });
    stream.addEventListener('error', () => {
      document.documentElement.dataset.live = 'no';
      lost ||= setTimeout(() => complain(['the preview does not answer; is it still running? What you typed is kept here'], Boolean(facts)), 2000);
    });
  };
  document.addEventListener('visibilitychange', listen);
  listen();
}

const typing = (target) => target instanceof Element && target.matches('input, select, textarea');

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $('help').open || !$('keys-on').checked) return;
  const schemes = SCHEMES.map(([name]) => name);
  const keys = {
    d: () => set({ scheme: schemes[(schemes.indexOf(state.scheme) + 1) % schemes.length], tab: state.tab === 'order' ? 'order' : 'html' }),
    i: () => flip('images'),
    t: () => set({ tab: state.tab === 'text' ? 'html' : 'text' }),
    n: () => editStory('new'),
    '/': () => search(),
    '?': () => $('help').showModal(),
  };
  if (WIDTHS[event.key - 1]) keys[event.key] = () => set({ width: WIDTHS[event.key - 1] });
  const key = named(event);
  if (!Object.hasOwn(keys, key)) return;
  event.preventDefault();
  keys[key]();
});

function search() {
  $('panel-stories').open = true;
  if (!$('search')) panel('stories');
  $('search').scrollIntoView({ block: 'center' });
  $('search').focus();
}

$('tabs').addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const names = TABS.map(([name]) => name);
  const next = names[(names.indexOf(state.tab) + step + names.length) % names.length];
  set({ tab: next });
  $(`tab-${next}`).focus();
});
for (const name of PANELS) {
  const open = state.panels.split(',').includes(name);
  $(`panel-${name}`).open = open;
  $(`panel-${name}`).addEventListener('toggle', () => {
    set({ panels: PANELS.filter((each) => $(`panel-${each}`).open).join(',') });
    if (facts && $(`panel-${name}`).open) panel(name);
  });
}
$('asks').addEventListener('submit', (event) => event.preventDefault());
$('period').addEventListener('change', (event) => set({ period: event.target.value.trim() }));
$('previous').addEventListener('click', () => turnBy(-1));
$('next').addEventListener('click', () => turnBy(1));
$('audience').addEventListener('change', (event) => set({ audience: event.target.value, language: '', who: '', at: '' }));
$('language').addEventListener('change', (event) => set({ language: event.target.value, who: '' }));
$('who').addEventListener('change', (event) => {
  if (event.target.value !== 'list') { set({ who: event.target.value }); return; }
  listReaders().catch((error) => { $('who').value = state.who; say(error.message); });
});
$('help-open').addEventListener('click', () => $('help').showModal());
// Who dictates says letters that are meant for no key (WCAG 2.2, 2.1.4).
$('keys-on').checked = stored('localStorage', 'getItem', 'digest.keys') !== 'off';
$('keys-on').addEventListener('change', ({ target }) => stored('localStorage', 'setItem', 'digest.keys', target.checked ? 'on' : 'off'));
$('help-close').addEventListener('click', () => $('help').close());
window.addEventListener('resize', fit);
let picks = 0; // answers may overtake each other: the last click counts
document.addEventListener('picked', async ({ detail }) => {
  const turn = (picks += 1);
  try {
    const { story, issue: place, elsewhere } = await get('/api/written', { ...asked(), ...detail });
    if (turn !== picks) return;
    if (story) await editStory(story);
    else if (place) await editIssue(place);
    else say(elsewhere ? `That is written in ${elsewhere}.` : 'That is the theme’s, or made of the settings: no story, and no block.');
  } catch (error) {
    if (!error.errors) throw error;
    if (turn === picks) say(error.message);
  }
});
document.addEventListener('saved', ({ detail: awaited }) => {
  refresh(true);
  followEditor();
  awaited?.push(...['issue', 'stories'].filter((name) => $(`panel-${name}`).open).map(panel));
});
document.addEventListener('drafted', () => refresh(true));
document.addEventListener('acted', () => { steps(); });

dropsNothing(window);
tools();
refresh().then(follow).then(resume);
