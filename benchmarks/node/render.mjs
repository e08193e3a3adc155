// A warm process with the peers that run on node. One JSON request a line: {way, file, repeat}; one answer a line.
// Times are the processor's, as they are for digest.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const ways = {
  mjml4: async () => {
    const mjml = (await import('mjml4')).default
    return source => mjml(source, { validationLevel: 'skip' })
  },
  mjml5: async () => {
    const mjml = (await import('mjml5')).default
    return source => mjml(source, { validationLevel: 'skip' })
  },
  react: async () => {
    const { createElement: h } = await import('react')
    const { render } = await import('@react-email/render')
    const { Html, Head, Preview, Body, Container, Section, Row, Column, Heading, Text, Link, Img, Hr } =
      await import('@react-email/components')
    const sheet = { backgroundColor: '#ffffff', padding: '0 24px' }
    const small = { fontSize: '13px', lineHeight: '20px', color: '#5b6470', margin: '0 0 4px' }
    const Story = s => h(Section, { style: sheet, key: s.link }, h(Row, null,
      s.image && h(Column, { style: { width: '30%' } }, h(Link, { href: s.link },
        h(Img, { src: s.image, alt: s.image_alt, width: 170 }))),
      h(Column, null, s.kicker && h(Text, { style: { ...small, color: '#1e2dbe' } }, s.kicker),
      h(Heading, { as: 'h2', style: { fontSize: '20px', lineHeight: '26px', margin: '0 0 4px' } },
        h(Link, { href: s.link, style: { color: '#11161d' } }, s.title)),
      h(Text, { style: small }, s.day), h(Text, { style: { fontSize: '16px', lineHeight: '24px' } }, s.summary),
      s.credit && h(Text, { style: small }, s.credit),
      h(Link, { href: s.link, style: { color: '#1e2dbe' } }, 'Read “' + s.title + '”'))))
    const Digest = ({ stories }) => h(Html, { lang: 'en' }, h(Head), h(Preview, null, 'All harbour news'),
      h(Body, { style: { backgroundColor: '#eef0f3', fontFamily: 'Arial, sans-serif' } },
        h(Container, { style: { maxWidth: '640px' } },
          h(Section, { style: sheet }, h(Heading, { as: 'h1' }, 'All harbour news')),
          ...stories.map(Story), h(Hr),
          h(Section, { style: sheet }, h(Text, { style: small }, 'Harbour Newsroom, Quay 4, CH-1200 Geneva')))))
    return async stories => {
      const digest = h(Digest, { stories })
      return [await render(digest), await render(digest, { plainText: true })]
    }
  },
  maizzle: async () => {
    const { render } = await import('@maizzle/framework')
    const template = `<!doctype html><html lang="en"><head><meta charset="utf-8">
      <style>@tailwind utilities;</style></head><body class="bg-slate-100 font-sans">
      <table class="w-full max-w-xl mx-auto bg-white"><tr><td class="px-6"><h1>All harbour news</h1></td></tr>
      <each loop="s in page.stories"><tr><td class="px-6 pb-4">
        <if condition="s.image"><img class="w-44" src="{{ s.image }}" alt="{{ s.image_alt }}"></if>
        <if condition="s.kicker"><p class="m-0 text-sm text-blue-800">{{ s.kicker }}</p></if>
        <h2 class="m-0 mb-1 text-xl"><a class="text-slate-900" href="{{ s.link }}">{{ s.title }}</a></h2>
        <p class="m-0 text-sm text-slate-600">{{ s.day }}</p><p class="text-base leading-6">{{ s.summary }}</p>
        <if condition="s.credit"><p class="m-0 text-sm text-slate-600">{{ s.credit }}</p></if>
        <a class="text-blue-800" href="{{ s.link }}">Read “{{ s.title }}”</a></td></tr></each>
      <tr><td class="px-6 text-sm">Harbour Newsroom, Quay 4, CH-1200 Geneva</td></tr></table></body></html>`
    return stories => render(template, { stories, css: { inline: true, purge: true } })
  },
}

const ready = {}
const bytes = made => Array.isArray(made) ? made[0].length : (made.html ?? made).length

for await (const line of createInterface({ input: process.stdin })) {
  const { way, file, repeat } = JSON.parse(line)
  ready[way] ??= await ways[way]()
  const text = readFileSync(file, 'utf8')
  const input = file.endsWith('.json') ? JSON.parse(text) : text
  let made
  const start = process.cpuUsage()
  for (let n = 0; n < repeat; n++) made = await ready[way](input)
  const { user, system } = process.cpuUsage(start)
  const seconds = (user + system) / 1e6 / repeat
  process.stdout.write(JSON.stringify({ seconds, bytes: bytes(made) }) + '\n')
}
