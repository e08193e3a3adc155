// One story's form: it opens beside the mail, shows there what is typed, and saves into the story's file.

import { $, el, fill, get, post, say } from './dom.js';
import { Form } from './form.js';
import { showStory } from './frames.js';
import { asked, here, set, state } from './state.js';

const QUIET = 250; // milliseconds without a key, after which the mail shows what is typed
let open = null; // { id, version, form }
let timer;
let turns = 0; // answers may overtake each other: only the last one counts

export const unsaved = () => Boolean(open?.form.dirty);

async function draw(changed) {
  clearTimeout(timer);
  if (!open.id && !open.form.all().title) return; // a story begins with its title
  const turn = (turns += 1);
  timer = setTimeout(async () => {
    const body = { ...asked(), id: open.id, values: open.id ? changed : open.form.all() };
    try {
      const { draft } = await post('/api/draft', body);
      if (turn === turns && open) here.draft = draft;
      if (turn === turns) open?.form.complain({});
    } catch (error) {
      if (turn === turns) open?.form.complain(error.fields ?? {}, false);
      return;
    }
    if (turn === turns) document.dispatchEvent(new Event('drafted'));
  }, QUIET);
}

function forget() {
  clearTimeout(timer);
  turns += 1;
  if (!here.draft) return;
  here.draft = '';
  document.dispatchEvent(new Event('drafted'));
}

async function save() {
  const { form } = open;
  const values = open.id ? form.changed() : form.all();
  if (open.id && !Object.keys(values).length) { say('Nothing changed.'); return; }
  clearTimeout(timer);
  turns += 1;
  const button = $('story-save');
  button.disabled = true;
  try {
    const saved = await post('/api/story', { ...asked(), id: open.id, version: open.version, values });
    here.draft = '';
    say(saved.said, saved.undo);
    document.dispatchEvent(new Event('saved'));
    open.form.values = saved.values;
    if (open.id === saved.id) Object.assign(open, { version: saved.version });
    else set({ story: saved.id });
    form.complain({});
    form.conflict.hidden = true;
  } catch (error) {
    if (error.conflict) {
      form.differ(error.conflict, {
        mine: () => { open.version = error.conflict.version; save(); },
        theirs: () => load(open.id),
      });
    } else if (Object.keys(error.fields ?? {}).length) form.complain(error.fields);
    else say(error.message);
  }
  button.disabled = false;
}

export function close() {
  if (unsaved() && !window.confirm('Throw away what you typed here?')) return false;
  open = null;
  forget();
  set({ story: '' });
  $('story-form').hidden = true;
  return true;
}

async function load(id) {
  const data = await get('/api/story', id === 'new' || !id ? asked() : { ...asked(), id });
  forget();
  const form = new Form(data.fields, data.values, { onInput: draw });
  open = { id: data.id, version: data.version, form };
  const closing = el('button', { type: 'button', class: 'quiet', 'data-focus': 'story-close' }, 'Close');
  closing.addEventListener('click', () => { if (close()) here.opener?.focus?.(); });
  fill($('story-form'),
    el('div', { class: 'head' }, el('h2', { id: 'story-form-title', tabindex: -1 }, data.id ? 'Edit the story' : 'A new story'), closing),
    data.file ? el('p', { class: 'small soft' }, data.file) : null,
    form.element,
    el('div', { class: 'buttons' }, el('button', { type: 'button', class: 'main', id: 'story-save', onclick: save }, 'Save')));
  $('story-form').hidden = false;
  form.complain(data.faults, false);
}

// Open a story ('new' for one that is to be written), at a field where one is named.
export async function edit(id, field = '') {
  if (open && (open.id || 'new') === id) { open.form.focus(field); return; }
  if (unsaved() && !window.confirm('Throw away what you typed here?')) return;
  here.opener = document.activeElement;
  try {
    await load(id);
  } catch (error) {
    if (!error.errors) throw error;
    say(error.message);
    return;
  }
  set({ story: id });
  if (open.id && window.innerWidth > 1024) showStory(open.form.values).catch(() => {});
  $('story-form').scrollIntoView({ block: 'start' });
  if (field) open.form.focus(field);
  else $('story-form-title').focus();
}

// Somebody else changed the file: a form in which nothing was typed follows it.
export async function follow() {
  if (open?.id && !open.form.dirty && !$('story-form').contains(document.activeElement)) await load(open.id).catch(() => {});
}

$('story-form').addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 's') {
    event.preventDefault();
    save();
  } else if (event.key === 'Escape' && close()) here.opener?.focus?.();
});
window.addEventListener('beforeunload', (event) => { if (unsaved()) event.preventDefault(); });
export const resume = async () => { if (state.story) await edit(state.story); };
