// Make elements and talk to the server. Everything that comes from the newsroom goes in as text, never as HTML.

export const meta = (page, name) => page.querySelector(`meta[name="digest-${name}"]`)?.content;
let token = meta(document, 'token');

export const $ = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'vars') for (const [key, share] of Object.entries(value)) made.style.setProperty(key, share);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// What is drawn anew keeps the focus (`data-focus`), the caret, and how far it was scrolled (`data-scroll`), by the name.
export function fill(place, ...children) {
  const { dataset: { focus: holds }, selectionStart: from, selectionEnd: to } = place.contains(document.activeElement) ? document.activeElement : place;
  const scrolled = [...place.querySelectorAll('[data-scroll]')].map((each) => [each.dataset.scroll, each.scrollLeft, each.scrollTop]);
  place.replaceChildren(...children.flat().filter(Boolean));
  for (const [name, left, top] of scrolled) place.querySelector(`[data-scroll="${CSS.escape(name)}"]`)?.scrollTo(left, top);
  const again = holds && place.querySelector(`[data-focus="${CSS.escape(holds)}"]`);
  again?.focus({ preventScroll: true });
  if (typeof from === 'number') again?.setSelectionRange?.(from, to); // who types goes on where the caret was
}

// A browser that is told to keep nothing refuses; and none keeps more than so much. A form is one all the same.
export function stored(where, deed, ...given) {
  try {
    return window[where][deed](...given);
  } catch {
    return null;
  }
}

// Drag a row by its grip, with a mouse, a pen and a finger alike. `drop` is told before which row it is let go, and the
// number of that one; null for the end, and the row itself where it is to stay.
// Returns whether it is dragged: not by another button, nor by a second finger.
export function drag(event, item, drop) {
  if (!event.isPrimary || event.button) return false;
  event.preventDefault();
  const { target } = event;
  target.setPointerCapture(event.pointerId);
  item.classList.add('moved');
  const rows = [...item.parentElement.children];
  let before = item;
  let seen = event;
  const over = (at) => {
    seen = at;
    before = rows.find((each) => at.clientY < each.getBoundingClientRect().top + each.offsetHeight / 2) ?? null;
    for (const each of rows) each.classList.toggle('drop', each === before);
  };
  const along = setInterval(() => { // a list that is longer than its window comes along, a row at a time
    if (Math.abs(seen.clientY - event.clientY) < 20) return;
    const place = before ? rows.indexOf(before) : rows.length;
    rows[seen.clientY < window.innerHeight / 2 ? place - 1 : place]?.scrollIntoView({ block: 'nearest' });
    over(seen);
  }, 200);
  const stay = () => { before = item; clearInterval(along); };
  target.addEventListener('pointermove', over);
  target.addEventListener('pointercancel', stay); // the phone took the finger away
  target.addEventListener('lostpointercapture', () => {
    target.removeEventListener('pointermove', over);
    target.removeEventListener('pointercancel', stay);
    clearInterval(along);
    for (const each of rows) each.classList.remove('drop', 'moved');
    drop(before, rows.indexOf(before));
  }, { once: true });
  return true;
}

// What is dropped beside the places for it is nothing: the browser would open it, many of them in place of the page.
export function dropsNothing(view) {
  for (const name of ['dragover', 'drop']) {
    view.addEventListener(name, (event) => {
      const places = event.dataTransfer.types.includes('Files') ? '[type=file]' : 'input, textarea';
      if (event.defaultPrevented || event.target.closest?.(places)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'none';
    });
  }
}

// The key as the page's keys are named: on an Arabic or Cyrillic keyboard by its place, and under Caps Lock, too.
export const named = ({ key, code }) => (key.length === 1 && key > '~' && code.startsWith('Key') ? code.at(-1) : key.length === 1 ? key : '').toLowerCase();

export class Refused extends Error {
  // `fields`: what is wrong at each field of a form; `conflict`: the file as it is now, when it is not as it was read;
  // `around`: the periods before and after an edition that cannot be read.
  constructor(errors, { fields = {}, conflict = null, around = null } = {}) {
    super(errors.join('\n'));
    Object.assign(this, { errors, fields, conflict, around });
  }
}

// A click is of the element that was under the pointer when its button went down and when it came up again. What is
// drawn between the two moves that element away, or puts another one into its place, and the click comes to nothing.
export let held = Promise.resolve();
let release = () => {};
let holder; // the window that it went down in: the page's own is blurred when it is the mail's
export function holdWhilePressed(view, root, pressed) {
  root.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button || !pressed(event.target)) return;
    release();
    holder = view;
    held = new Promise((done) => { release = done; });
  }, true);
  // A link that is dragged, and a frame that is taken away, get no other word of the way up.
  for (const name of ['pointerup', 'pointercancel', 'dragstart', 'pagehide', 'blur']) {
    view.addEventListener(name, (event) => {
      if (holder === view && (event.isPrimary ?? (name !== 'blur' || event.target === view))) setTimeout(release); // the click comes first
    }, true);
  }
}
holdWhilePressed(window, window, (target) => target.closest('button, a, summary, .grip, .handle')); // a list of choices swallows the way up

// Whether the focus is where it was when something was asked for: what comes late takes it from nobody.
export function focusStays(from) {
  const now = document.activeElement;
  return now === from || now === document.body || Boolean(from?.dataset?.focus && from.dataset.focus === now.dataset.focus);
}

async function answer(response) {
  const data = await response.json().catch(() => null);
  await held;
  if (!data) throw new Refused(['the preview gave no answer that can be read']);
  if (!response.ok) throw new Refused(data.errors ?? ['the preview refused'], data);
  return data;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Refused(['the preview does not answer; is it still running?']);
  }
}

export const get = async (path, query = {}) => answer(await reach(`${path}?${new URLSearchParams(query)}`));

// Answers may overtake each other: one that is older than the last question is null, and its error nobody's.
export function latest() {
  let turns = 0;
  return async (path, query) => {
    const turn = (turns += 1);
    try {
      const found = await get(path, query);
      return turn === turns ? found : null;
    } catch (error) {
      if (turn === turns) throw error;
      return null;
    }
  };
}

// What is written on this machine is there at once. A connection that hangs (a VPN, a laptop that moved) tells nobody.
const QUICK = ['/api/story', '/api/issue', '/api/overrides', '/api/undo', '/api/draft'];
const PATIENCE = 30000; // milliseconds

// A preview that was started anew knows this page no more, and has done nothing: it is asked again with its own token,
// where it serves the same newsroom. To load the page anew would lose what is typed.
async function write(path, kind, body) {
  const used = token;
  const signal = () => (QUICK.includes(path) ? AbortSignal.timeout?.(PATIENCE) : null);
  const send = () => reach(path, { method: 'POST', headers: { 'Content-Type': kind, 'X-Digest-Token': token }, body, signal: signal() });
  const response = await send();
  if (response.status === 403) {
    const page = new DOMParser().parseFromString(await (await reach('/')).text(), 'text/html');
    if (meta(page, 'newsroom') === meta(document, 'newsroom')) token = meta(page, 'token');
  }
  return answer(token === used ? response : await send());
}

export const post = (path, body) => write(path, 'application/json', JSON.stringify(body));
export const upload = (path, query, file) => write(`${path}?${new URLSearchParams(query)}`, 'application/octet-stream', file);

// Say what was done; `undo` is the number of the save, which a button takes back (and later the panel of what was saved).
// The second of two quick clicks would meet the next Undo in the same place: it does nothing.
let quiet;
export function say(words, undo = 0) {
  clearTimeout(quiet);
  $('said').replaceChildren(el('span', {}, words));
  if (undo) $('said').append(el('button', { type: 'button', onclick: ({ detail }) => { if (detail < 2) takeBack(undo); } }, 'Undo'));
  quiet = setTimeout(() => { if (!$('said').contains(document.activeElement)) $('said').replaceChildren(); }, undo ? 20000 : 6000);
}

// What lies at the bottom of a small window, for what must lie above it: the words that are said, and a phone's keyboard.
const lies = (name, pixels) => document.documentElement.style.setProperty(`--${name}`, `${Math.max(0, Math.round(pixels))}px`);
new ResizeObserver(() => lies('said', $('said').offsetHeight && $('said').offsetHeight + 8)).observe($('said'));
const { visualViewport: seen } = window;
const keyboard = () => lies('keyboard', seen.scale === 1 ? window.innerHeight - seen.height - seen.offsetTop : 0);
for (const name of ['resize', 'scroll']) seen.addEventListener(name, keyboard);
seen.addEventListener('resize', () => { if (seen.scale === 1 && document.activeElement.matches('input, textarea')) document.activeElement.scrollIntoView({ block: 'nearest' }); });

// One change after another, in the order of the presses: each goes over what the one before it left.
let queue = Promise.resolve();
export function queued(task) {
  const turn = queue.then(task);
  queue = turn.catch(() => {});
  return turn;
}

// When the panels show what the last Undo left. What is pressed in them meanwhile waits for it, and counts from there.
export let undone = Promise.resolve();
export function takeBack(save) {
  undone = queued(async () => {
    try {
      const { said, undo } = await post('/api/undo', { id: save });
      say(said, undo);
      const saved = new CustomEvent('saved', { detail: [] });
      document.dispatchEvent(saved);
      await Promise.all(saved.detail);
    } catch (error) {
      say(error.message);
    }
  });
}

// A count with its noun: `1 story`, `2 stories`; `plural` where it is not the noun with an s. (digest/text/counting.py)
export const counted = (count, noun, plural = `${noun}s`) => `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`;

export const kilobytes = (bytes) => `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`;
