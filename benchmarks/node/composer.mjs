// nodemailer's MailComposer: node composer.mjs COUNT. Prints the processor's seconds for one mail of about 36 KB.
import MailComposer from 'nodemailer/lib/mail-composer/index.js'

const count = Number(process.argv[2])
const text = 'Décent wörk and skills for all, the newsroom says – and more.\n'.repeat(60)
const html = '<p>' + 'Décent wörk and skills for all, the newsroom says – and more. '.repeat(330) + '</p>'
const build = n => new Promise((resolve, reject) => new MailComposer({
  from: 'digest@harbour.example', to: `reader${n}@example.org`, subject: 'Digest', text, html,
  list: { unsubscribe: `https://digest.example.org/u/${n}` },
}).compile().build((error, message) => error ? reject(error) : resolve(message)))
for (let n = 0; n < 30; n++) await build(n) // warm
const start = process.cpuUsage()
for (let n = 0; n < count; n++) await build(n)
const { user, system } = process.cpuUsage(start)
console.log((user + system) / 1e6 / count)
