// The ledger behind lines of JSON, for vectors.ts: one request a line on standard input, one answer a line on
// standard output. Twenty lines like these put your own enforcer to the same test.

import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { openLedger } from "./ledger.ts";
import type { Command, Operation } from "./ledger.ts";

type Request = { readonly apply: Command; readonly now: number } | { readonly ask: Operation; readonly now: number };

const ledger = openLedger(join(process.env["VECTORS_STATE"] ?? ".", "ledger.sqlite"));

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  const answer =
    "apply" in request
      ? { ack: ledger.apply(request.apply, request.now) }
      : { answer: ledger.ask(request.ask, request.now) };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
