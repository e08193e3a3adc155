// A story as what is edited: by its id, or 'new' for one that is to be written.

import { get, post } from './dom.js';
import { edit } from './editor.js';
import { asked, set, state } from './state.js';

function subject(id) {
  const story = { key: `story ${id}`, id: id === 'new' ? '' : id, fresh: id === 'new' };
  return Object.assign(story, {
    load: async () => {
      const data = await get('/api/story', story.id ? { ...asked(), id: story.id } : asked());
      return { ...data, title: story.id ? 'Edit the story' : 'A new story' };
    },
    send: async (form, version) => {
      const values = story.fresh ? form.all() : form.changed();
      const saved = await post('/api/story', { ...asked(), id: story.id, version, values });
      Object.assign(story, { id: saved.id, key: `story ${saved.id}`, fresh: false });
      set({ story: saved.id });
      return saved;
    },
    renew: () => Object.assign(story, { id: '', key: 'story new', fresh: true }), // its file was deleted
    draft: (form) => {
      if (story.fresh && !form.all().title) return null; // a story begins with its title
      return { ...asked(), id: story.id, values: story.fresh ? form.all() : form.changed() };
    },
    opened: () => set({ story: id }),
    closed: () => set({ story: '' }),
    spot: (values) => (story.id ? values : null),
  });
}

export const editStory = (id, field = '') => edit(subject(id), field);
export const resume = async () => { if (state.story) await editStory(state.story); };
