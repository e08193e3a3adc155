// What is being edited, one thing at a time: its form beside the mail, which shows what is typed; saved into its file.
//
// A subject says how it is loaded ({ title, file, fields, values, version, faults }), sent, and drafted.

import { $, el, fill, focusStays, meta, named, post, say, stored } from './dom.js';
import { Form } from './form.js';
import { showStory, unmark } from './frames.js';
import { here } from './state.js';

const QUIET = 250; // milliseconds without a key, after which the mail shows what is typed
let open = null; // { subject, version, form }
let opener = null; // what had the focus before
let timer;
let turns = 0; // answers may overtake each other: only the last one counts
let saving = Promise.resolve(); // the save that is under way
let openings = 0; // forms may be answered late: only the last one asked for is opened
let followed = 0; // and only the last one asked for of a file that changed

export const dirty = () => Boolean(open?.form.dirty || open?.form.busy);
const typed = () => JSON.stringify(open?.form.changed() ?? null);

// A phone takes a page away without a word, and loads it anew: what is typed is there again when its form is opened.
const keptAs = (subject) => `digest.typed ${meta(document, 'newsroom')} ${subject.key}`;
const drop = (subject) => stored('sessionStorage', 'removeItem', keptAs(subject));

function draw() {
  const { subject, version, form } = open;
  if (form.dirty) stored('sessionStorage', 'setItem', keptAs(subject), JSON.stringify({ version, typed: form.changed() }));
  else drop(subject);
  clearTimeout(timer);
  const turn = (turns += 1);
  timer = setTimeout(async () => {
    if (!open) return;
    if (!open.subject.fresh && !open.form.dirty) { forget(); open.form.complain({}, false); return; } // as it was again
    const body = open.subject.draft(open.form);
    if (!body) return; // too little yet
    try {
      const { draft } = await post('/api/draft', body);
      if (turn !== turns || !open) return;
      here.draft = draft;
      open.form.complain({});
    } catch (error) {
      if (!error.errors) throw error;
      if (turn === turns) open?.form.complain(Object.keys(error.fields).length ? error.fields : { '': error.message }, false);
      return;
    }
    document.dispatchEvent(new Event('drafted'));
  }, QUIET);
}

function forget() {
  clearTimeout(timer);
  turns += 1;
  if (!here.draft) return;
  here.draft = '';
  document.dispatchEvent(new Event('drafted'));
}

const save = () => { saving = saving.then(send); };

async function send() {
  if (!open) return;
  const opened = open;
  const { form, subject } = opened;
  const button = $('editor-save');
  const pressed = document.activeElement === button;
  const [sent, kept] = [typed(), keptAs(subject)];
  if (!subject.fresh && !form.dirty) { if (!$('said').textContent) say('Nothing changed.'); return; } // nor is an Undo taken away
  clearTimeout(timer);
  turns += 1;
  button.disabled = true;
  try {
    const saved = await subject.send(form, opened.version);
    here.draft = '';
    form.values = saved.values;
    Object.assign(form.saved, JSON.parse(sent));
    form.complain({});
    form.conflict.hidden = true;
    opened.version = saved.version;
    say(saved.said, saved.undo);
    stored('sessionStorage', 'removeItem', kept);
    document.dispatchEvent(new Event('saved'));
    if (open === opened && form.dirty) draw(); // typed while it was saved
  } catch (error) {
    if (!error.errors) throw error;
    if (error.conflict) {
      form.differ(error.conflict, {
        mine: () => { opened.version = error.conflict.version; if (error.conflict.gone) subject.renew(); save(); },
        theirs: () => { drop(subject); load(subject, () => open !== opened).catch((wrong) => say(wrong.message)); },
      });
    } else if (Object.keys(error.fields).length) form.complain(error.fields, open === opened && typed() === sent);
    else say(error.message);
  }
  button.disabled = false;
  if (pressed && document.activeElement === document.body) button.focus();
}

const may = () => !dirty() || window.confirm('Throw away what you typed here?');

export async function close() {
  await saving; // what was just saved is nothing to be thrown away
  if (!open || !may()) return;
  drop(open.subject);
  open.subject.closed?.();
  open = null;
  forget();
  unmark();
  $('editor').hidden = true;
  (opener?.isConnected ? opener : document.querySelector(`[data-focus="${CSS.escape(opener?.dataset?.focus ?? '')}"]`))?.focus();
}

// Close what nobody has typed in: the page turns to another edition.
export function leave() {
  if (!open || dirty()) return;
  open.subject.closed?.();
  open = null;
  forget();
  $('editor').hidden = true;
}

// `unwanted` is asked when the answer is there: a form that somebody is in by then stays. Returns whether it was opened.
async function load(subject, unwanted) {
  const data = await subject.load();
  if (unwanted()) return false;
  const more = open?.subject === subject && open.form.more?.open;
  forget();
  const kept = JSON.parse(stored('sessionStorage', 'getItem', keptAs(subject)));
  const form = new Form(data.fields, { ...data.values, ...kept?.typed }, { onInput: draw });
  form.values = data.values;
  if (more && form.more) form.more.open = true;
  open = { subject, version: kept?.version ?? data.version, form };
  fill($('editor'),
    el('div', { class: 'head' }, el('h2', { id: 'editor-title', tabindex: -1 }, data.title), el('button', { type: 'button', class: 'quiet', onclick: close }, 'Close')),
    data.file ? el('p', { class: 'small soft' }, data.file) : null,
    form.element,
    el('div', { class: 'buttons' }, el('button', { type: 'button', class: 'main', id: 'editor-save', onclick: save }, 'Save')));
  $('editor').hidden = false;
  form.complain(data.faults ?? {}, false);
  if (kept) {
    say('What you typed here before is here again; it is not saved yet.');
    draw();
  }
  return true;
}

// Open a subject, at a field where one is named. The subject that is open already only gets the focus.
export async function edit(subject, field = '') {
  if (open?.subject.key === subject.key) { open.form.focus(field); return; }
  const turn = (openings += 1);
  const from = document.activeElement;
  await saving;
  if (turn !== openings || !may()) return;
  const before = open;
  const thrown = typed(); // what may be thrown away; more of it is asked about again
  try {
    if (!await load(subject, () => turn !== openings || (open && (open !== before || typed() !== thrown) && !may()))) return;
  } catch (error) {
    if (!error.errors) throw error;
    say(error.message);
    return;
  }
  if (before) drop(before.subject);
  before?.subject.closed?.();
  opener = from;
  subject.opened?.();
  const stays = focusStays(from);
  const story = subject.spot?.(open.form.values);
  if (story && window.innerWidth > 1024) showStory(story);
  if (!stays) return;
  $('editor').scrollIntoView({ block: 'start' });
  if (field) open.form.focus(field);
  else $('editor-title').focus();
}

// A preview that was started anew knows no draft: what is typed is sent again.
export const again = () => { if (here.draft) draw(); };

// The file changed elsewhere: a form in which nothing was typed follows it.
export async function follow() {
  const inUse = () => dirty() || $('editor').contains(document.activeElement);
  const { subject, version } = open ?? {};
  if (!subject || subject.fresh || inUse()) return;
  const turn = (followed += 1);
  await load(subject, () => turn !== followed || open?.subject !== subject || open.version !== version || inUse()).catch((error) => say(error.message));
}

$('editor').addEventListener('keydown', (event) => {
  if (event.isComposing || event.keyCode === 229) return; // a key of the input method, which Esc ends, too
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && named(event) === 's') {
    event.preventDefault();
    save();
  } else if (event.key === 'Escape') close();
});
window.addEventListener('beforeunload', (event) => { if (dirty()) event.preventDefault(); });
