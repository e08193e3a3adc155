// nodemailer's pool: node nodemailer.mjs PORT MAILS CONNECTIONS. Prints the seconds from first to last mail.
import { performance } from 'node:perf_hooks'
import nodemailer from 'nodemailer'

const [port, mails, connections] = process.argv.slice(2).map(Number)
const pool = nodemailer.createTransport({
  pool: true, host: '127.0.0.1', port, secure: false, ignoreTLS: true, maxConnections: connections, maxMessages: Infinity,
})
const text = 'A line of the newsroom – as it is written.\n'.repeat(200)
const html = '<p>' + text.repeat(3) + '</p>'
const start = performance.now()
await Promise.all(Array.from({ length: mails }, (_, n) => pool.sendMail({
  from: 'digest@harbour.example', to: `reader${n}@example.org`, subject: 'Digest', text, html,
})))
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }))
pool.close()
