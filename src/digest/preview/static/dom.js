// Make elements and talk to the server. Everything that comes from the newsroom goes in as text, never as HTML.

const token = document.querySelector('meta[name="digest-token"]').content;

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

export function fill(place, ...children) {
  const holds = place.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  place.replaceChildren(...children.flat().filter(Boolean));
  if (holds) place.querySelector(`[data-focus="${CSS.escape(holds)}"]`)?.focus();
}

export class Refused extends Error {
  constructor(errors) { super(errors.join('\n')); this.errors = errors; }
}

async function answer(response) {
  const data = await response.json().catch(() => ({ errors: ['the preview gave no answer that can be read'] }));
  if (!response.ok) throw new Refused(data.errors ?? ['the preview refused']);
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

export const post = async (path, body) => answer(await reach(path, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'X-Digest-Token': token },
  body: JSON.stringify(body),
}));

let quiet;
export function say(words) {
  $('said').textContent = words;
  clearTimeout(quiet);
  quiet = setTimeout(() => { $('said').textContent = ''; }, 6000);
}

export const kilobytes = (bytes) => `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`;
