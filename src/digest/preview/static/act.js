// What the page may do: a test mail, an approval, a file for a reviewer.

import { $, el, fill, get, post, stored } from './dom.js';
import { asked, state } from './state.js';

let facts = null;
let turns = 0; // answers may overtake each other: only the last one asked for is shown
let standing = [];
let result = {}; // by the deed's name: the words, and whether they are of a refusal
let people = { listed: [], you: '' };
const KEPT = 'digest.by'; // a name is typed once: this browser keeps it
const typed = { by: stored('localStorage', 'getItem', KEPT) ?? '', test: '' };
let working = 0;
let late = false; // what came meanwhile is to be drawn

async function run(button, name, task) {
  const pressed = document.activeElement === button;
  const { id } = facts.edition;
  const told = (words, wrong = false) => {
    if (facts.edition.id !== id) return; // another edition is looked at by now
    result[name] = { words, wrong };
    if ($(`${name}-result`)) $(`${name}-result`).textContent = words;
  };
  button.disabled = true;
  working += 1;
  told('Working…');
  try {
    told(await task());
  } catch (error) {
    told(error.message, true);
  }
  button.disabled = false;
  if (pressed && document.activeElement === document.body) button.focus();
  working -= 1;
  if (late && !working) draw();
}

function testing() {
  const addresses = facts.test_addresses;
  if (!addresses.length) {
    return el('div', { class: 'action' }, el('p', { class: 'small soft' }, 'To send a test from here, list addresses in config.yaml: preview: {test_addresses: [you@example.org]}'));
  }
  const choice = el('select', { id: 'test-address', 'data-focus': 'test-address', onchange: (event) => { typed.test = event.target.value; } },
    addresses.map((each) => el('option', { value: each, selected: each === typed.test }, each)));
  const button = el('button', { type: 'button', 'data-focus': 'test' }, 'Send a test');
  button.addEventListener('click', () => run(button, 'test', async () => {
    const { said } = await post('/api/test', { ...asked(), address: choice.value });
    document.dispatchEvent(new Event('acted'));
    return said;
  }));
  return el('div', { class: 'action' }, el('label', { for: 'test-address' }, 'A test mail to'), choice, button, el('p', { id: 'test-result', class: 'small', role: 'status' }, result.test?.words));
}

function approving() {
  const keep = (event) => { typed.by = event.target.value; stored('localStorage', 'setItem', KEPT, typed.by); };
  const name = people.you ? el('input', { id: 'by', value: people.you, readonly: true, 'data-focus': 'by' })
    : people.listed.length ? el('select', { id: 'by', 'data-focus': 'by', onchange: keep }, ['', ...people.listed].map((each) => el('option', { value: each, selected: each === typed.by }, each || 'Choose…')))
      : el('input', { id: 'by', autocomplete: 'name', 'data-focus': 'by', value: typed.by, oninput: keep });
  const wrong = facts.findings.filter((each) => each.severity === 'error').length;
  const button = el('button', { type: 'button', class: 'main', 'data-focus': 'approve', disabled: !facts.fingerprint || facts.errors.length > 0 }, 'Approve exactly this');
  button.addEventListener('click', () => run(button, 'approve', async () => {
    const { id } = facts.edition;
    const { lines } = await post('/api/approve', { ...asked(), who: '', by: name.value, fingerprint: facts.fingerprint });
    if (facts.edition.id === id) standing = lines;
    document.dispatchEvent(new Event('acted'));
    return lines.join('\n');
  }));
  return el('div', { class: 'action' },
    standing.map((line) => el('p', { class: 'small soft', 'data-standing': '' }, line)),
    state.who ? el('p', { class: 'small soft' }, 'You look as one reader; what is approved is the edition for all.') : null,
    el('label', { for: 'by' }, people.you ? 'You, by your key' : 'Your name'), name, button,
    wrong ? el('p', { class: 'small soft' }, 'Its errors must be mended before it is sent.') : null,
    el('p', { id: 'approve-result', class: 'small', role: 'status' }, result.approve?.words));
}

function draw() {
  late = working > 0; // not under who waits for an answer of a button here
  if (late) return;
  fill($('act'), approving(), testing(), el('div', { class: 'action' },
    el('p', {}, el('a', { href: `/export?${new URLSearchParams(asked())}`, download: '', 'data-focus': 'export' }, 'Export one file for a reviewer'))));
}

export async function act(now) {
  const same = facts?.fingerprint === now.fingerprint;
  const other = facts?.edition.id !== now.edition.id;
  facts = now;
  const turn = (turns += 1);
  if (other) result = {};
  else if (!same) result = Object.fromEntries(Object.entries(result).filter(([, { wrong }]) => wrong)); // a refusal holds
  let lines = standing;
  if (!state.who || state.who.startsWith('reader:')) {
    try {
      lines = (await get('/api/standing', asked())).lines.slice(1);
    } catch (error) {
      if (!error.errors) throw error;
      lines = error.errors;
    }
  }
  const known = await get('/api/people');
  if (turn !== turns) return;
  [standing, people] = [lines, known];
  draw();
}
