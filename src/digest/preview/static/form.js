// A form made from fields that the server names: its controls, the Markdown toolbar, mistakes at their fields, and both
// versions when the file changed underneath. It knows nothing of stories or blocks.

import { $, el, fill, named, say, upload } from './dom.js';

const MARKS = [
  ['Bold', 'B', (text) => ['**', text || 'words', '**'], 'b'],
  ['Italic', 'I', (text) => ['*', text || 'words', '*'], 'i'],
  ['Add a link', 'Link', (text) => [`[${text || 'words'}](`, 'https://', ')'], 'k'],
  ['List', 'List', (text) => ['', (text || 'a point').split('\n').map((line) => `- ${line}`).join('\n'), '']],
  ['Quotation', 'Quote', (text) => ['', (text || 'words').split('\n').map((line) => `> ${line}`).join('\n'), '']],
];
let count = 0;

function mark(area, [, , wrap]) {
  const [start, end] = [area.selectionStart, area.selectionEnd];
  const [before, inside, after] = wrap(area.value.slice(start, end));
  area.focus();
  // As if it was typed: what is set in another way, Ctrl Z does not undo, nor anything that was typed before it.
  if (!document.execCommand('insertText', false, before + inside + after)) {
    area.setRangeText(before + inside + after, start, end, 'end');
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }
  area.setSelectionRange(start + before.length, start + before.length + inside.length);
}

function toolbar(area, label) {
  area.addEventListener('keydown', (event) => {
    const found = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && MARKS.find(([, , , key]) => key === named(event));
    if (!found) return;
    event.preventDefault();
    mark(area, found);
  });
  return el('div', { class: 'segments marks', role: 'group', 'aria-label': `Markdown in ${label}` }, MARKS.map((each) => el('button', {
    type: 'button', 'aria-label': each[0], title: each[3] ? `${each[0]} (Ctrl ${each[3].toUpperCase()})` : each[0], onclick: () => mark(area, each),
  }, each[1])));
}

function thumbnail(place, path) {
  const local = path && !/^[a-z]+:/i.test(path);
  fill(place, local ? el('img', { src: `/image/${path.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/')}`, alt: '', onerror: (event) => event.target.remove() }) : null);
}

function picture(input, id, label, form) {
  const shown = el('span', { class: 'thumbnail' });
  const file = el('input', { type: 'file', id: `${id}-file`, accept: 'image/jpeg,image/png,image/gif,image/webp', 'aria-label': `${label}: a file of yours` });
  thumbnail(shown, input.value);
  input.addEventListener('input', () => thumbnail(shown, input.value));
  file.addEventListener('change', async () => {
    if (!file.files.length) return;
    file.disabled = true;
    form.busy += 1;
    try {
      const { path, said, undo, notes } = await upload('/api/picture', { name: file.files[0].name }, file.files[0]);
      input.value = path;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      say([said, ...notes].join('; '), undo);
    } catch (error) {
      say(error.message);
    }
    form.busy -= 1;
    file.disabled = false;
    file.value = '';
  });
  return el('div', { class: 'picture' }, shown, file);
}

const one = (value) => (typeof value === 'object' ? Object.values(value).map((each) => each.trim()).join(', ') : value);
const joined = (value) => (Array.isArray(value) ? value.map(one).join(typeof value[0] === 'object' ? '; ' : ', ') : value ?? '');

function control(field, id, value) {
  const common = { id, name: field.key, dir: 'auto', 'aria-describedby': `${id}-help ${id}-fault`, 'aria-required': field.required ? 'true' : null };
  if (field.kind === 'markdown') return el('textarea', { ...common, rows: 7 }, joined(value));
  if (field.kind === 'choice') {
    const label = (each) => field.labels[field.choices.indexOf(each)] || each || '–';
    const choices = field.choices.includes(value ?? '') ? field.choices : [...field.choices, value];
    return el('select', common, choices.map((each) => el('option', { value: each, selected: each === (value ?? '') }, label(each))));
  }
  if (field.kind === 'truth') return el('input', { ...common, type: 'checkbox', checked: value === 'true' });
  return el('input', { ...common, value: joined(value).trim().replace(/\s*\n\s*/g, ' '), spellcheck: ['line', 'words'].includes(field.kind) ? null : 'false', autocomplete: 'off', inputmode: field.kind === 'address' ? 'url' : null });
}

// The items of a list, each with fields of its own: added, moved and taken away by buttons.
class Rows {
  constructor(field, id, values, changed) {
    Object.assign(this, { field, id, changed });
    this.list = el('ol', { class: 'items' });
    this.element = el('div', { id, role: 'group', tabindex: -1, 'aria-label': field.label, 'aria-describedby': `${id}-help ${id}-fault` }, this.list,
      el('button', { type: 'button', onclick: () => { this.add({}); this.list.lastElementChild.querySelector('input').focus(); } }, 'Add one'));
    for (const value of Array.isArray(values) ? values : []) this.add(value);
    if (!this.list.children.length) this.add({});
  }

  add(value) {
    const item = el('li', {});
    item.inputs = this.field.rows.map((row) => {
      count += 1;
      const id = `field-${count}-${row.key}`;
      const input = control(row, id, value[row.key]);
      item.append(el('label', { for: id }, row.label, row.required ? el('span', { class: 'soft' }, ' (needed)') : null), input, el('p', { class: 'small soft', id: `${id}-help` }, row.help));
      return [row, input];
    });
    const move = (step) => {
      const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
      if (!other) return;
      if (step < 0) other.before(item); else other.after(item);
      this.changed();
      item.querySelector(step < 0 ? '[data-up]' : '[data-down]').focus();
    };
    item.append(el('div', { class: 'hand' },
      el('button', { type: 'button', 'data-up': true, 'aria-label': 'Move up', onclick: () => move(-1) }, '↑'),
      el('button', { type: 'button', 'data-down': true, 'aria-label': 'Move down', onclick: () => move(1) }, '↓'),
      el('button', { type: 'button', onclick: () => { const next = item.nextElementSibling ?? item.previousElementSibling; item.remove(); this.changed(); (next?.querySelector('input') ?? this.element).focus(); } }, 'Remove')));
    this.list.append(item);
  }

  get value() {
    const rows = [...this.list.children].map((item) => Object.fromEntries(item.inputs.map(([row, input]) => [row.key, input.value.trim()]).filter(([, text]) => text)));
    return rows.filter((row) => Object.keys(row).length);
  }
}

// One form. `values` are as the file has them; `changed()` gives what a person changed, as the server wants it.
export class Form {
  constructor(fields, values, { onInput = () => {} } = {}) {
    this.fields = fields;
    this.values = values;
    this.controls = new Map();
    this.busy = 0; // pictures on their way
    this.saved = {}; // as it was typed: a file may have it without a blank at the end
    this.conflict = el('div', { class: 'conflict', role: 'group', 'aria-label': 'Both versions', hidden: true });
    this.general = el('p', { class: 'fault', role: 'alert' });
    const row = (field) => this.row(field);
    const more = fields.filter((field) => field.more);
    this.more = more.length ? el('details', { class: 'more' }, el('summary', {}, 'More'), more.map(row)) : null;
    this.element = el('div', { class: 'form' }, this.general, this.conflict, fields.filter((field) => !field.more).map(row), this.more);
    this.element.addEventListener('input', () => onInput(this.changed()));
  }

  row(field) {
    count += 1;
    const id = `field-${count}-${field.key}`;
    if (field.kind === 'rows') {
      const rows = new Rows(field, id, this.values[field.key], () => this.element.dispatchEvent(new Event('input')));
      rows.element.rows = rows;
      this.controls.set(field.key, rows.element);
      return el('div', { class: 'row' }, el('p', { class: 'rows-label' }, field.label), rows.element, el('p', { class: 'small soft', id: `${id}-help` }, field.help), el('p', { class: 'fault', id: `${id}-fault` }));
    }
    const input = control(field, id, this.values[field.key]);
    this.controls.set(field.key, input);
    const label = el('label', { for: id }, field.label, field.required ? el('span', { class: 'soft' }, ' (needed)') : null);
    const beside = field.kind === 'markdown' ? toolbar(input, field.label) : field.kind === 'picture' ? picture(input, id, field.label, this) : null;
    const help = el('p', { class: 'small soft', id: `${id}-help` }, field.help || (field.kind === 'markdown' ? 'Markdown: **bold**, *italic*, [words](address).' : ''));
    const fault = el('p', { class: 'fault', id: `${id}-fault` });
    if (field.kind === 'truth') return el('div', { class: 'row truth' }, input, label, help, fault);
    return el('div', { class: 'row' }, label, field.kind === 'markdown' ? beside : null, input, field.kind === 'picture' ? beside : null, help, fault);
  }

  read(field) {
    const input = this.controls.get(field.key);
    if (field.kind === 'truth') return input.checked ? 'true' : '';
    if (field.kind === 'rows') return input.rows.value;
    if (field.kind === 'words') {
      let { value } = input;
      for (const word of this.values[field.key] ?? []) value = value.replace(word, () => word.replaceAll(',', '\0')); // stays one
      return value.split(',').map((each) => each.replaceAll('\0', ',').trim()).filter(Boolean);
    }
    return field.kind === 'markdown' ? input.value : input.value.trim();
  }

  changed() {
    const wanted = {};
    for (const field of this.fields) {
      const [now, before] = [this.read(field), this.values[field.key]];
      const was = field.kind === 'markdown' ? joined(before) : joined(before).trim(); // as it is read from a control
      const same = field.kind === 'truth' ? (now === 'true') === (before === 'true') : joined(now) === was;
      if (!same && joined(now) !== joined(this.saved[field.key] ?? before)) wanted[field.key] = now;
    }
    return wanted;
  }

  all() { return Object.fromEntries(this.fields.map((field) => [field.key, this.read(field)])); }

  get dirty() { return Object.keys(this.changed()).length > 0; }

  // What is wrong, at its fields, and the first of them in focus; under an empty key what is wrong with all of it.
  complain(faults, focus = true) {
    const elsewhere = [];
    for (const [key, message] of Object.entries(faults)) if (!this.controls.has(key)) elsewhere.push(key ? `${key}: ${message}` : message);
    this.general.textContent = elsewhere.join('; ');
    let first = null;
    for (const [key, input] of this.controls) {
      const message = faults[key] ?? '';
      $(`${input.id}-fault`)?.replaceChildren(message);
      input.toggleAttribute('aria-invalid', Boolean(message));
      if (message) input.setAttribute('aria-invalid', 'true');
      if (message && !first) first = key;
    }
    if (first && focus) this.focus(first);
  }

  focus(key) {
    const input = this.controls.get(key) ?? this.controls.values().next().value;
    if (this.more?.contains(input)) this.more.open = true;
    input.scrollIntoView({ block: 'center' });
    input.focus();
  }

  // The file as it was read changed: show both, and go on with the one that is chosen.
  differ(now, { mine, theirs }) {
    const typed = now.gone ? Object.fromEntries(Object.entries(this.all()).filter(([, value]) => joined(value))) : this.changed();
    const differing = this.fields.filter((field) => field.key in typed || joined(now.values[field.key]) !== joined(this.values[field.key]));
    const cell = (value) => el('td', { dir: 'auto' }, joined(value) || '–');
    fill(this.conflict,
      el('p', {}, el('strong', {}, `${now.gone ? 'It was deleted' : 'The file changed'} since you opened it. Nothing was saved.`)),
      el('table', {}, el('thead', {}, el('tr', {}, ['Field', 'In the file now', 'Yours'].map((each) => el('th', { scope: 'col' }, each)))),
        el('tbody', {}, differing.map((field) => el('tr', {}, el('th', { scope: 'row' }, field.label), cell(now.values[field.key]), cell(field.key in typed ? typed[field.key] : now.values[field.key]))))),
      el('div', { class: 'buttons' },
        el('button', { type: 'button', onclick: mine }, now.gone ? 'Write mine anew' : 'Save mine over it'),
        now.gone ? null : el('button', { type: 'button', onclick: theirs }, 'Take what is in the file')));
    this.conflict.hidden = false;
    this.conflict.querySelector('button').focus();
  }
}
