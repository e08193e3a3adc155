// Reads mails from standard input (a JSON array of Base64 strings) and writes what two parsers make of them, as JSON.
// Usage: node parse.mjs postal-mime | mailparser
import { readFileSync } from "node:fs";

const mails = JSON.parse(readFileSync(0, "utf8")).map((one) => Buffer.from(one, "base64"));

const boxes = (list) => (list ?? []).map(({ name, address }) => [name ?? "", address ?? ""]);

async function postal(data) {
  const { default: PostalMime, decodeWords } = await import("postal-mime");
  const mail = await PostalMime.parse(data);
  return {
    subject: mail.subject ?? "",
    from: boxes(mail.from ? [mail.from] : []),
    to: boxes(mail.to),
    reply_to: boxes(mail.replyTo),
    message_id: mail.messageId ?? "",
    list_id: decodeWords(mail.headers.find((one) => one.key === "list-id")?.value ?? ""),
    text: mail.text ?? "",
    html: mail.html ?? "",
    images: mail.attachments.map((one) => [one.contentId ?? "", Buffer.from(one.content).toString("base64")]),
    names: mail.headers.map((one) => one.key),
  };
}

async function parser(data) {
  const { simpleParser } = await import("mailparser");
  const { default: libmime } = await import("libmime"); // mailparser's own decoder; it leaves List-Id to its user
  const mail = await simpleParser(data, { skipTextLinks: true, skipImageLinks: true, skipTextToHtml: true });
  const list = mail.headers.get("list")?.id ?? {};
  return {
    subject: mail.subject ?? "",
    from: boxes(mail.from?.value),
    to: boxes(mail.to?.value),
    reply_to: boxes(mail.replyTo?.value),
    message_id: mail.messageId ?? "",
    list_id: !list.id || list.name === list.id ? "" : libmime.decodeWords(list.name ?? "") + " <>",
    text: mail.text ?? "",
    html: mail.html || "",
    images: mail.attachments.map((one) => [one.contentId ?? "", one.content.toString("base64")]),
    names: mail.headerLines.map((one) => one.key),
  };
}

const parse = process.argv[2] === "mailparser" ? parser : postal;
const results = [];
for (const mail of mails) results.push(await parse(mail));
process.stdout.write(JSON.stringify(results));
