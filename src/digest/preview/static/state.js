// Every setting of the page, kept in its address: a link shows the same view.

export const WIDTHS = [320, 375, 414, 600, 768, 1024];
export const NARROWEST = 280;
export const WIDEST = 1400;
export const SCHEMES = [['light', 'Light'], ['dark', 'Dark'], ['partial', 'Forced, partly'], ['full', 'Forced, fully']];
export const TABS = [['html', 'Mail'], ['order', 'Reading order'], ['text', 'Text'], ['source', 'Source'], ['mime', 'MIME'], ['manifest', 'Manifest']];

const DEFAULTS = {
  period: '', audience: '', language: '', who: '', tab: 'html', width: window.innerWidth < 768 ? '375' : '600',
  scheme: 'light', images: 'on', style: 'on', size: '100', second: '', at: '', panels: 'checks', q: '', story: '',
};
const given = new URLSearchParams(location.search);
const listeners = [];

export const state = Object.fromEntries(Object.entries(DEFAULTS).map(([key, value]) => [key, given.get(key) ?? value]));

export function clampWidth(text) {
  const width = Math.round(Number(text));
  return Number.isFinite(width) && width > 0 ? Math.min(WIDEST, Math.max(NARROWEST, width)) : Number(DEFAULTS.width);
}
state.width = String(clampWidth(state.width));
if (!TABS.some(([name]) => name === state.tab)) state.tab = 'html';
if (!SCHEMES.some(([name]) => name === state.scheme)) state.scheme = 'light';

export const onChange = (listener) => listeners.push(listener);

// A drag asks for more of these than a browser allows: Safari and Firefox throw then, Chrome does nothing.
let later;
function renamed(address) {
  clearTimeout(later);
  try { history.replaceState(null, '', address); } catch { /* looked at below */ }
  if (location.pathname + location.search !== address) later = setTimeout(renamed, 1000, address);
}

export function set(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== String(changes[key]));
  if (!changed.length) return;
  for (const key of changed) state[key] = String(changes[key]);
  if (changed.some((key) => key in here.edition)) here.edition = {};
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) if (value !== DEFAULTS[key]) query.set(key, value);
  renamed(`${location.pathname}${query.size ? '?' : ''}${query}`);
  for (const listener of listeners) listener(new Set(changed));
}

// What is shown, found out by the server; and the draft that the mail shows.
export const here = { month: '', edition: {}, draft: '' };

export const asked = () => ({ period: state.period, audience: state.audience, language: state.language, who: state.who, draft: here.draft });

// The edition by its name, for what is saved: the one that is shown where none is said may be another one tomorrow.
export const spelled = () => ({ ...asked(), ...here.edition });
