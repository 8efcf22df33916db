// The enforcer's test vectors: whole commands, kept by the example, and missed by an enforcer that is wrong.
// The example shares no code with Holdfast; the two ledgers must agree all the same.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { test } from "node:test";
import type { TestContext } from "node:test";
import fc from "fast-check";
import { openLedger } from "../../examples/enforcer/ledger.ts";
import type { Operation } from "../../examples/enforcer/ledger.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../src/adapters/schema-files.ts";
import type { Command } from "../../src/core/output.ts";
import { makeLedger } from "../../src/testing/exchange/enforcer.ts";

const directory = join(import.meta.dirname, "../../examples/enforcer");
const file = JSON.parse(readFileSync(join(directory, "vectors.json"), "utf8"));

function runVectors(...program: string[]): { exitCode: number | null; out: string } {
  const run = spawnSync(execPath, [join(directory, "vectors.ts"), ...program], { encoding: "utf8", timeout: 60_000 });
  return { exitCode: run.status, out: run.stdout };
}

test("the example passes its own vectors", () => {
  const { exitCode, out } = runVectors();
  assert.equal(exitCode, 0, out);
  assert.match(out, new RegExp(`^${file.vectors.length} passed, 0 failed$`, "m"));
});

/** A program of one line that answers every request; the vectors that must notice. */
const WRONG: readonly (readonly [says: string, body: string, noticedBy: string])[] = [
  ["forgets known ids", `answer = apply ? { ack: "APPLIED" } : { answer: "closed" }`, "the same command again"],
  [
    "never closes",
    `answer = apply ? { ack: apply.action === "REVIEW" ? null : "APPLIED" } : { answer: "open" }`,
    "a freeze closes",
  ],
  ["dies", `process.exit(1)`, "a freeze closes"],
];

function stub(t: TestContext, body: string): string {
  const home = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  t.after(() => rmSync(home, { recursive: true }));
  const path = join(home, "stub.mjs");
  writeFileSync(
    path,
    `import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { apply } = JSON.parse(line);
  let answer;
  ${body};
  console.log(JSON.stringify(answer));
}`,
  );
  return path;
}

for (const [says, body, noticedBy] of WRONG) {
  test(`an enforcer that ${says} fails`, (t) => {
    const { exitCode, out } = runVectors(execPath, stub(t, body));
    assert.equal(exitCode, 1);
    assert.match(out, new RegExp(`^FAILED {2}${noticedBy}`, "m"));
  });
}

test("every command of the vectors is a whole record, as it comes from the topic", async () => {
  const { command } = await loadSchemas(SCHEMAS_DIRECTORY);
  const instants = new Set(["issuedAt", "effectiveAt", "expiresAt"]);
  let checked = 0;
  for (const { steps } of file.vectors) {
    for (const step of steps) {
      if (step.apply === undefined) continue;
      const merged = Object.entries({ ...file.command, ...step.apply }).map(([name, value]) => [
        name,
        instants.has(name) && typeof value === "string" ? Date.parse(value) : value,
      ]);
      const record = Object.fromEntries(merged);
      // What a newer Holdfast may say is no symbol of this schema.
      if (step.ack === "REJECTED") continue;
      assert.ok(command.type.isValid(record), JSON.stringify(record));
      checked += 1;
    }
  }
  assert.ok(checked > 40);
});

test("what the example does not know for an operation is closed by anything, not let through", () => {
  const ledger = openLedger(":memory:");
  ledger.apply({ ...file.command, scopes: ["WITHDRAW"], expiresAt: 2 }, 0);
  for (const kind of ["WITHDRAWALS", "withdrawal", "toString", undefined]) {
    const asked = { accountId: "alice", kind } as Operation;
    assert.equal(ledger.ask(asked, 1), "closed", kind);
    assert.equal(ledger.ask(asked, 2), "open", kind);
  }
  ledger.close();
});

const HOUR = 3_600_000;
const ids = (...values: string[]) => fc.subarray(values, { maxLength: 1 });
const commands = fc.array(
  fc.record({
    caseId: fc.constantFrom("c1", "c2"),
    nth: fc.nat(3),
    accountId: fc.constantFrom("alice", "bob"),
    action: fc.constantFrom<Command["action"]>("HOLD", "FREEZE", "RELEASE", "REVIEW"),
    scopes: fc.subarray<Command["scopes"][number]>(["WITHDRAW", "P2P", "TRANSFER", "TRADE", "API_KEYS"], {
      minLength: 1,
    }),
    targets: fc.record({ withdrawalIds: ids("w1"), keyIds: ids("k1"), sessionIds: ids("s1"), addresses: ids("a1") }),
    hours: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 12 },
);

/** The same id is the same command, as Holdfast promises. */
function commandsOf(drawn: typeof commands extends fc.Arbitrary<infer T> ? T : never): Command[] {
  const byId = new Map<string, Command>();
  return drawn.map(({ nth, hours, ...given }) => {
    const commandId = `${given.accountId}/${given.caseId}/${nth}`;
    const same = byId.get(commandId);
    if (same !== undefined) return same;
    const expiresAt = given.action === "RELEASE" ? null : hours * HOUR;
    const caseId = `${given.accountId}/${given.caseId}`;
    const command = { ...file.command, ...given, caseId, commandId, issuedAt: 0, effectiveAt: 0, expiresAt };
    byId.set(commandId, command);
    return command;
  });
}

test("the example's ledger and the demo's, which share no code, close the same", () => {
  const operations: Operation[] = ["alice", "bob"].flatMap((accountId) => [
    { accountId, kind: "WITHDRAWAL", channel: "ON_CHAIN", via: "WEB" },
    { accountId, kind: "WITHDRAWAL", channel: "P2P", via: "API", keyId: "k1" },
    { accountId, kind: "WITHDRAWAL", channel: "GIFT", via: "APP", withdrawalId: "w1", address: "a1" },
    { accountId, kind: "TRADE", via: "WEB", sessionId: "s1" },
  ]);
  fc.assert(
    fc.property(commands, (drawn) => {
      const example = openLedger(":memory:");
      const demo = makeLedger();
      for (const command of commandsOf(drawn)) {
        example.apply(command, 0);
        demo.apply(command);
      }
      for (const now of [0, HOUR, 2 * HOUR + 1, 5 * HOUR]) {
        for (const operation of operations) {
          const type = operation.kind === "TRADE" ? "TRADE_FILLED" : "WITHDRAWAL_REQUESTED";
          const { accountId, channel, via, withdrawalId, keyId, sessionId, address } = operation;
          const exit = {
            type,
            accountId,
            channel: channel ?? null,
            via: via ?? null,
            withdrawalId: withdrawalId ?? null,
          };
          const named = { ...exit, keyId: keyId ?? null, sessionId: sessionId ?? null, address: address ?? null };
          const expected = demo.closing(named, now).length > 0 ? "closed" : "open";
          assert.equal(example.ask(operation, now), expected, `${JSON.stringify(operation)} at ${now}`);
        }
      }
      example.close();
    }),
    { numRuns: 200 },
  );
});
