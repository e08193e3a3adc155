// The stage: the mail in one frame or two, at any width, and the mail's other faces as text.
// The frame runs no script; this page scrolls it and marks places in it.

import { $, dropsNothing, el, fill, get, held, holdWhilePressed, kilobytes } from './dom.js';
import { NARROWEST, WIDEST, asked, clampWidth, set, state } from './state.js';

const scrolls = new Map(); // where each frame was, so that a reload stays there
let direction = 'ltr';

const height = () => Math.max(360, Math.round(window.innerHeight * 0.78));

function source(at) {
  const query = { ...asked(), scheme: state.scheme, images: state.images, style: state.style, size: state.size };
  if (state.tab === 'order') query.tab = 'order';
  if (at) query.at = at;
  return `/frame?${new URLSearchParams(query)}`;
}

// Whether the whole mail is in the frame, but for pictures that are on their way.
function isThere({ contentDocument: mail }) {
  return Boolean(mail) && mail.URL !== 'about:blank' && mail.readyState !== 'loading';
}

function remember() {
  for (const frame of document.querySelectorAll('.sheet:not(.coming) iframe')) {
    if (isThere(frame)) scrolls.set(frame.dataset.place, frame.contentWindow.scrollY);
  }
}

function sheet(name, width, at, title) {
  const frame = el('iframe', { name, title, 'data-place': name, sandbox: 'allow-same-origin allow-popups allow-popups-to-escape-sandbox', class: state.scheme === 'light' ? '' : 'dark' });
  frame.addEventListener('load', () => {
    if (!frame.contentDocument) { // the server is away
      frame.dataset.failed = 'yes';
      return;
    }
    frame.dataset.ready = 'yes';
    listen(frame, at);
    arrive(frame);
  });
  frame.src = source(at);
  const box = el('figure', { class: 'sheet', 'data-width': width }, el('figcaption'), el('div', { class: 'window' }, frame));
  if (name === 'first') box.append(handle(box));
  requestAnimationFrame(() => listenSoon(frame, at));
  return box;
}

const listened = new WeakSet(); // documents

function listen(frame, at) {
  const { contentDocument: mail, contentWindow } = frame;
  if (listened.has(mail)) return;
  listened.add(mail);
  dropsNothing(mail);
  mail.addEventListener('keydown', (event) => document.dispatchEvent(new KeyboardEvent('keydown', event)));
  if (at || state.tab !== 'html') return;
  holdWhilePressed(contentWindow, mail, () => true);
  mail.addEventListener('click', (event) => clicked(event, frame));
}

// The mail is there to be clicked on before its last picture is, and nothing tells when: it is looked for.
function listenSoon(frame, at) {
  if (!frame.isConnected || frame.dataset.ready || !frame.contentDocument) return;
  if (frame.contentDocument.URL !== 'about:blank') listen(frame, at);
  if (isThere(frame)) arrive(frame);
  else requestAnimationFrame(() => listenSoon(frame, at));
}

// Back to where it was scrolled to; once, as somebody may scroll on before the last picture is there.
function arrive(frame) {
  if (frame.dataset.arrived) return;
  frame.dataset.arrived = 'yes';
  if (frame.name === 'first') outline(frame);
  frame.contentWindow.scrollTo(0, scrolls.get(frame.dataset.place) ?? 0);
}

// A click in the mail is for the form of what was clicked, on a link, too: that opens with Ctrl, or the middle button.
function clicked(event, frame) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (!frame.contentWindow.getSelection().isCollapsed) return; // who marks words does not ask for a form
  const tag = event.target.tagName.toLowerCase();
  const nth = [...frame.contentDocument.getElementsByTagName(tag)].indexOf(event.target);
  document.dispatchEvent(new CustomEvent('picked', { detail: { tag, nth, made: frame.contentDocument.documentElement.dataset.made ?? '' } }));
}

function handle(box) {
  const grip = el('div', {
    class: 'handle', role: 'slider', tabindex: 0, 'aria-label': 'Width of the frame, in pixels',
    'aria-valuemin': NARROWEST, 'aria-valuemax': WIDEST, 'aria-valuenow': state.width,
  });
  grip.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 10, ArrowLeft: -10, PageUp: 100, PageDown: -100 }[event.key];
    if (!step) return;
    event.preventDefault();
    set({ width: clampWidth(Number(state.width) + step) });
  });
  grip.addEventListener('pointerdown', (event) => {
    grip.setPointerCapture(event.pointerId);
    document.body.classList.add('dragging');
    // The sheet is centred, so its edge moves by half of what its width does.
    const start = { x: event.clientX, width: Number(state.width), pull: sheets.length > 1 ? 1 : 2, scale: Number(box.dataset.scale || 1) };
    const move = (at) => set({ width: clampWidth(start.width + ((at.clientX - start.x) * start.pull) / start.scale) });
    const end = () => {
      document.body.classList.remove('dragging');
      grip.removeEventListener('pointermove', move);
    };
    grip.addEventListener('pointermove', move);
    grip.addEventListener('lostpointercapture', end, { once: true });
  });
  return grip;
}

let sheets = []; // the last that were asked for

export function fit() {
  const narrow = window.innerWidth <= 768;
  const room = $('board').clientWidth - 36;
  const gap = 24;
  const share = narrow || sheets.length < 2 ? room : (room - gap) / 2;
  for (const box of sheets) {
    const name = box.querySelector('iframe').name;
    const width = Number(name === 'second' && state.second ? clampWidth(state.second) : state.width);
    const scale = Math.min(1, share / width);
    const frame = box.querySelector('iframe');
    const tall = height();
    box.dataset.scale = scale;
    frame.style.width = `${width}px`;
    frame.style.height = `${Math.round(tall / scale)}px`;
    frame.style.transform = scale < 1 ? `scale(${scale})` : '';
    box.querySelector('.window').style.width = `${Math.round(width * scale)}px`;
    box.querySelector('.window').style.height = `${tall}px`;
    const shown = scale < 1 ? `, shown at ${Math.round(scale * 100)} %` : '';
    const which = state.at && name === 'first' ? `as last ${state.at}, ` : state.at ? 'now, ' : '';
    box.querySelector('figcaption').textContent = `${which}${width} px${shown}`;
    box.querySelector('.handle')?.setAttribute('aria-valuenow', width);
  }
}

const lined = (text) => el('pre', { class: 'numbered' }, text.split('\n').map((line) => el('span', {}, line || ' ')));

function branch(part) {
  const words = [part.type, part.charset, part.encoding, part.disposition, part.id, kilobytes(part.bytes)].filter(Boolean).join(', ');
  return el('li', {}, words, part.parts.length ? el('ul', {}, part.parts.map(branch)) : null);
}

const faces = {
  text: ({ text }) => [el('div', { class: 'ruler' }, '72'), el('pre', { class: 'ruled', dir: direction }, text)],
  source: ({ text }) => [lined(text)],
  manifest: ({ text }) => [el('pre', {}, text)],
  mime: ({ text, tree, fields }) => [
    el('ul', { class: 'tree' }, branch(tree)),
    el('table', { class: 'fields' }, el('tbody', {}, fields.map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, value))))),
    lined(text),
  ],
};

let showings = 0; // answers may overtake each other: only the last one asked for is shown

// The mail that is seen stays, to be read and clicked on, until the next one can be seen in its place: neither before
// that is there, nor under a button that is down, nor for one that never comes.
async function put(board, turn) {
  const before = [...board.children].filter((each) => each.matches('.sheet:not(.coming)'));
  for (const each of [...board.children]) if (!before.includes(each)) each.remove();
  for (const each of before) each.querySelector('iframe').removeAttribute('name');
  for (const each of sheets) each.classList.toggle('coming', before.length > 0);
  board.prepend(...sheets);
  fit();
  if (before.length) {
    const was = new Map(scrolls);
    await Promise.all(sheets.map((each) => once(each.querySelector('iframe'))));
    await held;
    if (turn !== showings || sheets.some((each) => each.querySelector('iframe').dataset.failed)) return;
    remember();
    for (const each of sheets) {
      const { contentWindow, dataset: { place } } = each.querySelector('iframe');
      if (scrolls.get(place) !== was.get(place)) contentWindow.scrollTo(0, scrolls.get(place)); // scrolled meanwhile
      each.classList.remove('coming');
    }
    const { activeElement } = document;
    const from = before.findIndex((each) => each.contains(activeElement));
    for (const each of before) each.remove();
    sheets[from]?.querySelector(activeElement.localName === 'iframe' ? 'iframe' : '.handle')?.focus({ preventScroll: true });
  }
  board.classList.toggle('two', sheets.length > 1);
}

export async function show(facts) {
  const board = $('board');
  const turn = (showings += 1);
  direction = facts?.edition.direction ?? direction;
  remember();
  board.setAttribute('aria-labelledby', `tab-${state.tab}`);
  $('mail-tools').hidden = !['html', 'order'].includes(state.tab);
  if (!$('mail-tools').hidden) {
    const two = state.second || state.at;
    sheets = [sheet('first', state.width, state.at, state.at ? `The mail as last ${state.at}` : 'The mail')];
    if (two) sheets.push(sheet('second', state.second || state.width, '', 'The mail, second frame'));
    put(board, turn);
    return;
  }
  board.classList.remove('two');
  const tab = state.tab;
  const data = await get('/api/part', { ...asked(), part: tab });
  if (turn !== showings) return;
  fill(board, el('div', { class: 'paper', 'data-tab': tab, 'data-scroll': tab, 'data-focus': 'paper', tabindex: 0, role: 'group', 'aria-label': 'Content' }, faces[tab](data)));
}

const plain = (text) => text.replace(/\s+/g, ' ').trim();

function spot(frame, story) {
  const heads = [...frame.contentDocument.querySelectorAll('h1,h2,h3,h4,h5,h6')];
  return heads.find((each) => plain(each.textContent).startsWith(plain(story.title)))
    ?? [...frame.contentDocument.querySelectorAll('a[href]')].find((each) => story.link && each.getAttribute('href') === story.link);
}

// When the mail is there to be looked at, or never will be; or another frame is in the place of this one.
async function once(frame) {
  while (frame.isConnected && !frame.dataset.failed && !isThere(frame)) await new Promise((done) => setTimeout(done, 16));
}

let marked = () => null; // finds what is outlined, in the mail that is drawn anew, too

function outline(frame) {
  for (const old of frame.contentDocument.querySelectorAll('[data-preview-mark]')) {
    old.style.outline = '';
    old.removeAttribute('data-preview-mark');
  }
  const element = state.tab === 'html' ? marked(frame) : null;
  element?.setAttribute('data-preview-mark', '');
  if (element) element.style.outline = '3px solid #d9822b';
  return element;
}

export function unmark() {
  marked = () => null;
  const frame = document.querySelector('iframe[name="first"]');
  if (frame?.contentDocument) outline(frame);
}

function mark(frame, find) {
  marked = find;
  const element = outline(frame);
  if (!element) return;
  element.scrollIntoView({ block: 'center' });
  if (window.innerWidth <= 1024) $('stage').scrollIntoView();
}

async function first() {
  if (state.tab !== 'html') set({ tab: 'html' });
  let frame = null;
  do {
    frame = document.querySelector('iframe[name="first"]');
    if (frame) await once(frame);
  } while (frame && !frame.isConnected);
  return frame?.dataset.failed ? null : frame;
}

export async function showStory(story) {
  const frame = await first();
  if (frame) mark(frame, (mail) => spot(mail, story));
}

// The mail anew, as soon as it can be shown; whoever waits for this knows that it is.
export async function showFirst() {
  const frame = document.querySelector('iframe[name="first"]');
  if (!frame || $('mail-tools').hidden) return false;
  await show();
  await once(document.querySelector('iframe[name="first"]'));
  return true;
}

// The smallest element that begins with these words, of a block that has no headline of a story.
export async function showWords(words) {
  const frame = await first();
  const wanted = plain(words.replace(/[*_`>#]|\]\([^)]*\)|\[/g, '')).slice(0, 60);
  const fits = (mail) => [...mail.contentDocument.body.querySelectorAll('*')].filter((each) => wanted && plain(each.textContent).replace(/^[“”„«»‘’"]\s*/, '').startsWith(wanted));
  if (frame) mark(frame, (mail) => fits(mail).at(-1) ?? null);
}

// What no reader sees, of the head or without a place on the paper: only the source has it.
const unseen = (element) => !element || element.closest('head') || !element.getClientRects().length;

async function inSource(place) {
  if (state.tab !== 'source') set({ tab: 'source' });
  for (let tries = 0; tries < 80 && !document.querySelector('[data-tab=source] .numbered'); tries += 1) await new Promise((done) => setTimeout(done, 25));
  const row = document.querySelectorAll('[data-tab=source] .numbered span')[place.line - 1];
  if (!row) return;
  const text = row.textContent;
  const marked = el('mark', { class: 'marked' }, place.end ? text.slice(place.start, place.end) : text);
  row.replaceChildren(place.end ? text.slice(0, place.start) : '', marked, place.end ? text.slice(place.end) : '');
  marked.scrollIntoView({ block: 'center' });
}

// The story of the edition in whose part of the mail an element stands: that of the last headline before it.
export async function storyAround(where, stories) {
  const place = await get('/api/place', { ...asked(), where });
  const frame = await first();
  const element = frame?.contentDocument.getElementsByTagName(place.tag)[place.nth];
  const before = stories.filter((story) => {
    const head = spot(frame, story);
    return head && (head === element || head.contains(element) || element?.contains(head)
      || Boolean(head.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING));
  });
  return before.at(-1) ?? null;
}

// Show the place that a finding is about: the story or the very element in the frame, its tag in the source where no
// reader sees it, or the inbox line.
export async function goTo(finding) {
  const line = /^html:(\d+)$/.exec(finding.html);
  if (/^html:\d+:\d+$/.test(finding.html)) {
    const place = await get('/api/place', { ...asked(), where: finding.html });
    const frame = await first();
    const made = frame?.contentDocument.documentElement.dataset.made; // in another mail another element may stand there
    const find = (mail) => (mail.contentDocument.documentElement.dataset.made === made ? mail.contentDocument.getElementsByTagName(place.tag)[place.nth] : null);
    if (!frame || unseen(find(frame))) await inSource(place);
    else mark(frame, find);
  } else if (finding.story) await showStory(finding.story);
  else if (finding.issue?.words) await showWords(finding.issue.words);
  else if (line || finding.where === 'html') await inSource({ line: line ? Number(line[1]) : 1 });
  else if (['subject', 'preheader', 'from', 'reply-to'].includes(finding.where)) {
    $('inbox').focus();
    $('inbox').scrollIntoView();
  }
}
