// Reads a feed on standard input with feedsmith, and prints what it found as JSON.
import { parseFeed } from "feedsmith";

const parts = [];
for await (const part of process.stdin) parts.push(part);
process.stdout.write(JSON.stringify(parseFeed(Buffer.concat(parts).toString("utf8"))));
