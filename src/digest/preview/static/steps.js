// The steps as a line at the top: where each stands, what is missing, and the command that does it by hand.

import { $, el, fill, get } from './dom.js';
import { asked, state } from './state.js';

const PANELS = { stories: 'stories', words: 'issue', checks: 'checks', test: 'act', approve: 'act' };
const MARKS = { done: '✓', todo: '○', wrong: '✗' };
const SPOKEN = { done: 'done', todo: 'to do', wrong: 'stops the issue' };
const MOST = 8; // things that are missing, listed at a time
let chosen = '';
let turns = 0; // answers may overtake each other: only the last one asked for is shown

function detail(step) {
  const rest = step.missing.length - MOST;
  const panel = PANELS[step.name];
  const go = () => {
    $(`panel-${panel}`).open = true;
    $(`panel-${panel}`).scrollIntoView();
    $(`panel-${panel}`).querySelector('summary').focus();
  };
  return el('div', { class: 'step-detail', id: 'step-detail', role: 'region', 'aria-label': step.title },
    step.missing.length ? el('ul', {}, step.missing.slice(0, MOST).map((each) => el('li', { dir: 'auto' }, each))) : el('p', {}, 'Nothing is missing here.'),
    rest > 0 ? el('p', { class: 'small soft' }, `and ${rest} more`) : null,
    step.command ? el('p', { class: 'small' }, step.name === 'send' ? 'Readers are mailed from the command line only: ' : 'On the command line: ', el('code', {}, step.command)) : null,
    panel ? el('button', { type: 'button', 'data-focus': 'go', onclick: go }, 'Go there') : null);
}

function draw(steps) {
  const now = steps.find((step) => step.name === chosen);
  fill($('steps'),
    el('ol', {}, steps.map((step) => el('li', {}, el('button', {
      type: 'button', class: step.state, 'data-focus': step.name, 'data-step': step.name, 'aria-expanded': String(step === now), 'aria-controls': 'step-detail',
      onclick: () => { chosen = step === now ? '' : step.name; draw(steps); },
    }, el('span', { class: 'step-name' }, el('span', { class: 'step-mark', 'aria-hidden': 'true' }, MARKS[step.state]), step.title, el('span', { class: 'spoken' }, `, ${SPOKEN[step.state]}: `)),
    el('span', { class: 'step-words', dir: 'auto' }, step.words))))),
    now ? detail(now) : null);
}

export async function steps() {
  const turn = (turns += 1);
  if (state.who.startsWith('case:')) { fill($('steps'), el('p', { class: 'soft small' }, 'A stress case is only looked at.')); return; }
  try {
    const found = await get('/api/steps', asked());
    if (turn === turns) draw(found.steps);
  } catch (error) {
    if (!error.errors) throw error;
    if (turn === turns) fill($('steps'), el('p', { class: 'soft small' }, 'The steps are shown once the issue can be read.'));
  }
}
