// What is said about the edition: inbox line, checks with sizes, calendar, comparison.

import { $, counted, el, fill, kilobytes, latest, say, takeBack } from './dom.js';
import { goTo, storyAround } from './frames.js';
import { asked, here, set, state } from './state.js';
import { editIssue } from './issue.js';
import { editStory } from './story.js';

const PHONE = 40; // characters of a subject that a phone shows
const LONG = 60; // beyond this, desktops cut it too
const PREHEADER = 110;
const KINDS = 5; // kickers that get a colour of their own

function meter(name, text, good, most, words) {
  const length = [...text].length;
  $(`${name}-count`).textContent = `${words}: ${counted(length, 'character')}${length > most ? `, cut after about ${most}` : length > good ? `, phones show about ${good}` : ''}`;
  $(`${name}-meter`).style.setProperty('--share', Math.min(100, (100 * length) / most));
  $(`${name}-meter`).classList.toggle('over', length > good);
}

export function inbox({ inbox: line }) {
  for (const place of document.querySelectorAll('[data-fill]')) place.textContent = line[place.dataset.fill] || (place.dataset.fill === 'subject' ? 'No subject' : '');
  meter('subject', line.subject, PHONE, LONG, 'Subject');
  meter('preheader', line.preheader, PREHEADER, PREHEADER + 30, 'Preheader');
  $('addresses').textContent = `From ${line.from}. Replies go to ${line.reply_to}.${line.to ? ` To ${line.to}.` : ''}`;
}

function sizes(size) {
  const share = (bytes) => (100 * bytes) / Math.max(size.limit, size.html);
  const told = size.stories.reduce((sum, each) => sum + each.bytes, 0);
  const words = `${kilobytes(size.html)} of the ${kilobytes(size.limit)} at which Gmail clips a mail`;
  return [
    el('p', { class: 'small' }, `HTML: ${words}. Text ${kilobytes(size.text)}, whole mail ${kilobytes(size.mail)}.${size.cut ? ` ${counted(size.cut, 'story is', 'stories are')} shown as titles only.` : ''}`),
    el('div', { class: 'bar', role: 'img', 'aria-label': words },
      size.stories.map((each) => el('span', { vars: { '--share': share(each.bytes) }, title: `${each.title}: ${counted(each.bytes, 'byte')}` })),
      el('span', { class: 'rest', vars: { '--share': share(size.html - told) }, title: 'Masthead, styles, footer' })),
    el('table', { class: 'sizes' }, el('tbody', {},
      [...size.stories].sort((a, b) => b.bytes - a.bytes).slice(0, 8).map((each) => el('tr', {}, el('td', { dir: 'auto' }, each.title), el('td', {}, `${each.bytes.toLocaleString('en')} B`))))),
  ];
}

const told = (promise) => promise.catch((error) => { if (!error.errors) throw error; say(error.message); });

// The way from a finding into the form of the story that it is about.
function mend(finding, facts) {
  const around = /^html:\d+:\d+$/.test(finding.html) && facts.included.length;
  if (!finding.story && !finding.issue && !around) return null;
  const go = async () => {
    if (finding.issue) { await editIssue(finding.issue); return; }
    const story = finding.story ?? await storyAround(finding.html, facts.included);
    if (story) await editStory(story.id, finding.field);
    else say('That is not in a story: it stands in the theme.');
  };
  return el('button', { type: 'button', class: 'mend', 'aria-label': `Mend: ${finding.message}`, onclick: () => told(go()) }, 'Mend');
}

export function checks(facts) {
  const count = (kind) => facts.findings.filter((each) => each.severity === kind).length;
  const some = (number, word) => (number ? counted(number, word) : '');
  $('checks-tally').textContent = [some(count('error'), 'error'), some(count('warning'), 'warning'), some(count('info'), 'note')].filter(Boolean).join(', ') || 'nothing found';
  fill($('checks'),
    el('ul', { class: 'findings' }, facts.findings.map((each) => el('li', {},
      el('button', { type: 'button', class: each.severity, 'data-focus': `finding ${each.code} ${each.message}`, onclick: () => told(goTo(each)) },
        el('span', { class: 'severity' }, `${each.severity === 'info' ? 'note' : each.severity}: `), el('span', { dir: 'auto' }, each.message),
        el('code', {}, [each.where, each.element, each.code].filter(Boolean).join('  ')),
        el('span', { class: 'why' }, each.why)), mend(each, facts)))),
    sizes(facts.size));
}

const askCalendar = latest();

export async function calendar() {
  const found = await askCalendar('/api/calendar');
  if (!found) return;
  const { months, kickers } = found;
  const kind = (name) => Math.min(kickers.indexOf(name), KINDS);
  const most = Math.max(1, ...months.map((each) => each.total));
  const named = (month) => new Date(`${month}-15T12:00Z`).toLocaleDateString('en', { month: 'long', year: 'numeric' });
  const column = (each, index) => el('button', {
    type: 'button', 'data-focus': each.month, 'aria-current': here.month === each.month ? 'true' : null,
    'aria-label': `${named(each.month)}: ${counted(each.total, 'story', 'stories')}`,
    title: Object.entries(each.kickers).map(([name, number]) => `${name || 'no kicker'}: ${number}`).join('\n'),
    onclick: () => set({ period: each.month }),
  },
  el('span', { class: 'count' }, each.total || ''),
  el('span', { class: 'stack', vars: { '--unit': `${Math.min(14, 84 / most)}px` } }, Object.entries(each.kickers).map(([name, number]) => el('span', { class: `k${kind(name)}`, vars: { '--count': number } }))),
  el('span', { class: 'month' }, each.month.slice(5)),
  el('span', { class: 'year' }, index === 0 || each.month.endsWith('-01') ? each.month.slice(2, 4).padStart(3, '’') : ''));
  const now = months.find((each) => each.month === here.month)?.kickers ?? {}; // a finger sees no tooltip: it chooses the month
  const legend = kickers.slice(0, KINDS).map((name, index) => el('li', {}, el('i', { class: `k${index}` }), el('bdi', {}, name || 'no kicker'), Object.hasOwn(now, name) ? `: ${now[name]}` : ''));
  if (kickers.length > KINDS) legend.push(el('li', {}, el('i', { class: `k${KINDS}` }), `${kickers.length - KINDS} more`));
  const still = document.querySelector('.months')?.dataset.scroll === here.month;
  fill($('calendar'),
    el('div', { class: 'months', 'data-scroll': here.month, role: 'group', 'aria-label': 'Stories per month' }, months.map(column)),
    el('ul', { class: 'legend' }, legend));
  const current = document.querySelector('.months [aria-current]');
  if (current && !still) current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 140;
}

const askSaves = latest();

export async function saves() {
  const found = await askSaves('/api/saves');
  if (!found) return;
  const { saves: made } = found;
  fill($('saves'), made.length
    ? el('ul', { class: 'rows' }, made.map((each) => el('li', { class: 'saved' }, el('span', { dir: 'auto' }, each.title),
      el('button', { type: 'button', 'data-focus': `undo ${each.id}`, 'aria-label': `Undo: ${each.title}`, onclick: () => takeBack(each.id) }, 'Undo'))))
    : el('p', { class: 'soft' }, 'Nothing was saved since this page is served.'));
}

const lastAt = { value: 'built' };
const askDifference = latest();

export async function compare() {
  const choice = el('select', { id: 'compare-at', 'data-focus': 'at', onchange: (event) => {
    lastAt.value = event.target.value;
    if (state.at) set({ at: lastAt.value, tab: 'html' });
    else compare();
  } }, ['built', 'sent'].map((name) => el('option', { value: name, selected: name === (state.at || lastAt.value) }, `as last ${name}`)));
  const beside = el('button', { type: 'button', 'data-focus': 'beside', 'aria-pressed': String(Boolean(state.at)), onclick: () => set({ at: state.at ? '' : choice.value, tab: 'html' }) }, 'Side by side');
  const head = [el('label', { for: 'compare-at', class: 'small soft' }, 'The edition now against the edition'), choice, beside];
  try {
    const found = await askDifference('/api/difference', { ...asked(), at: state.at || lastAt.value });
    if (!found) return;
    const { rows } = found;
    const tags = { gone: 'del', new: 'ins', same: 'span', skip: 'span' };
    fill($('compare'), head, rows.length
      ? el('div', { class: 'diff', 'data-scroll': here.month, tabindex: 0, role: 'group', 'aria-label': 'What changed in the text' }, rows.map(({ mark, line }) => el(tags[mark], {}, mark === 'skip' ? '⋯' : line || ' ')))
      : el('p', {}, 'The text is the same.'));
  } catch (error) {
    if (!error.errors) throw error;
    beside.disabled = !state.at;
    fill($('compare'), head, error.errors.map((line) => el('p', { class: 'soft' }, line)));
  }
}
