// `holdfast case` and `holdfast decide` on a real broker, by way of the command line. A stand-in speaks for
// Holdfast and for the enforcing service; the whole chain is in test/examples.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../../../src/cli/program.ts";
import { DAY, HOUR } from "../../../src/core/time.ts";
import { cluster } from "../../cluster.ts";
import { openConsole } from "../console.ts";
import { openDeskTopics } from "./desk-topics.ts";
import type { DeskTopics } from "./desk-topics.ts";
import { SEQUENCE, ackOf, command, detection, evidence, freeze, release } from "./records.ts";

const kafka = cluster();
const limits = { skip: kafka.skip, timeout: 60_000 };

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function holdfast(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  const { io, out, err } = openConsole();
  const exitCode = await runProgram(args, { ...io, env });
  return { exitCode, out: out(), err: err() };
}

/** A case that is open now, as wall clocks see it. */
function openCase(accountId: string) {
  const now = Date.now();
  const caseId = `${accountId}/sequence/e3`;
  return command({
    accountId,
    caseId,
    commandId: `${caseId}/e3/0`,
    issuedAt: now,
    effectiveAt: now,
    expiresAt: now + DAY,
  });
}

/** Answers every decision as Holdfast and an enforcing service do. */
async function standIn(desk: DeskTopics, { acknowledges = true } = {}): Promise<void> {
  await desk.hear("decisions", async ({ accountId, caseId: named, decisionId, decidedAt }) => {
    const caseId = named ?? `${accountId}/sequence/e3`;
    const commandId = `${caseId}/release/${decisionId}`;
    const ended = { ...release, accountId, caseId, issuedAt: decidedAt, commandId };
    await desk.write("commands", ended);
    if (acknowledges) await desk.write("acks", { ...ackOf(ended.commandId, "APPLIED", Date.now()), accountId });
  });
}

async function opened(t: TestContext): Promise<DeskTopics> {
  return openDeskTopics(t, { ...kafka, prefix: cluster().prefix });
}

test("a case is found by its account and by its id, among others' records, in every form", limits, async (t) => {
  const desk = await opened(t);
  await desk.write("commands", freeze);
  await desk.write("detections", detection({}));
  await desk.write("acks", ackOf(freeze.commandId, "APPLIED", freeze.issuedAt + 900));
  for (let other = 0; other < 40; other += 1) await desk.write("commands", openCase(`other-${other}`));

  const byAccount = await holdfast(desk.env, "case", "alice");
  assert.equal(byAccount.exitCode, 0, byAccount.err);
  assert.match(byAccount.out, /^Account alice: 1 case/);
  assert.match(byAccount.out, /✓ FREEZE applied by withdrawals/);
  // The rule is not one of ours: nothing to quote, and no reason to fail.
  assert.doesNotMatch(byAccount.out, / why /);
  assert.equal((await holdfast(desk.env, "case", SEQUENCE)).out.split("\n")[0]!.slice(0, 21), "Account alice: 1 case");

  const json = JSON.parse((await holdfast(desk.env, "case", "alice", "--json")).out);
  assert.deepEqual([json.accountId, json.cases.length, json.gaps], ["alice", 1, []]);

  // Whoever may not read the exchange's own topics reads the case all the same.
  const elsewhere = await holdfast({ ...desk.env, HOLDFAST_TOPIC_AUTH: "elsewhere" }, "case", "alice");
  assert.equal(elsewhere.exitCode, 0, elsewhere.err);
  assert.match(elsewhere.out, /Note: the account's other events cannot be read: .*elsewhere/);

  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "alice.html");
  const page = await holdfast(desk.env, "case", "alice", "--html", file, "--redact");
  assert.deepEqual([page.exitCode, page.out, page.err], [0, "", `wrote ${file}\n`]);
  assert.match(readFileSync(file, "utf8"), /Account alice.*left out of this copy/s);
  const nowhere = await holdfast(desk.env, "case", "alice", "--html", join(directory, "none", "alice.html"));
  assert.deepEqual([nowhere.exitCode, nowhere.err.includes("ENOENT")], [1, true]);
});

test("an account or case that nobody knows is said to be unknown", limits, async (t) => {
  const desk = await opened(t);
  for (const about of ["nobody", "nobody/rule/e1", "50%/rule/e1"]) {
    const { exitCode, err } = await holdfast(desk.env, "case", about);
    assert.equal(exitCode, 1);
    assert.match(err, new RegExp(`hold nothing of "${about}"; it is an account's id, or a case's`));
  }
});

test("a record that cannot be read is a gap that the reader is told of", limits, async (t) => {
  const desk = await opened(t);
  await desk.write("commands", freeze);
  await desk.writeBytes("decisions", "alice", Buffer.from("not Avro"));
  await desk.writeBytes("acks", "alice", Buffer.from([0, 0x7f, 0, 0, 0, 1]));
  const { exitCode, out } = await holdfast(desk.env, "case", "alice");
  assert.equal(exitCode, 0);
  assert.match(out, /Note: a record of \S+holdfast\.decisions \(offset 0\) cannot be read: it is not in/);
  assert.match(
    out,
    /Note: a record of \S+holdfast\.acks \(offset 0\) cannot be read: the registry's schema \d+ is unknown/,
  );
});

test("a decision is written, carried out and acknowledged: one command undoes a freeze", limits, async (t) => {
  const desk = await opened(t);
  const frozen = openCase("alice");
  await desk.write("commands", frozen);
  await standIn(desk);
  const { exitCode, out, err } = await holdfast(
    desk.env,
    "decide",
    "false-positive",
    "--case",
    frozen.caseId,
    "--by",
    "m.lee",
    "--note",
    "called from the airport",
  );
  assert.equal(exitCode, 0, err);
  assert.match(
    out,
    /^FALSE_POSITIVE of alice\/sequence\/e3, by m\.lee \(decision [\w-]+\)\nRELEASE of alice\S+: applied by withdrawals, within/,
  );
  const [decision] = await desk.all("decisions");
  assert.deepEqual(
    { ...decision, decisionId: "", decidedAt: 0 },
    {
      decisionId: "",
      accountId: "alice",
      caseId: frozen.caseId,
      verdict: "FALSE_POSITIVE",
      until: null,
      decidedBy: "m.lee",
      decidedAt: 0,
      note: "called from the airport",
    },
  );
  const after = await holdfast(desk.env, "case", "alice");
  assert.match(after.out, /Nothing is closed\./);

  const again = await holdfast(desk.env, "decide", "RELEASE", "--case", frozen.caseId, "--by", "m.lee");
  assert.equal(again.exitCode, 1);
  assert.match(again.err, /is released since .* UTC: there is nothing to release; `holdfast case alice`/);
  const all = await holdfast(desk.env, "decide", "RELEASE", "--account", "alice", "--by", "m.lee");
  assert.match(all.err, /^account alice has no open case; /);
  assert.equal((await desk.all("decisions")).length, 1);
});

test("a decision on all cases waits for those that protect, not for what is only observed", limits, async (t) => {
  const desk = await opened(t);
  await desk.write("commands", openCase("alice"));
  await desk.write("detections", detection({ caseId: "alice/watching/e9", mode: "observe" }));
  await standIn(desk);
  const { exitCode, out, err } = await holdfast(desk.env, "decide", "RELEASE", "--account", "alice", "--by", "m.lee");
  assert.equal(exitCode, 0, err);
  assert.match(out, /RELEASE of alice\/sequence\/e3: applied by withdrawals/);
});

test("a decision that nobody acts on, or that reaches no enforcer, fails loudly", limits, async (t) => {
  const desk = await opened(t);
  const frozen = openCase("alice");
  await desk.write("commands", frozen);
  const decide = (): Promise<Ended> =>
    holdfast(desk.env, "decide", "RELEASE", "--account", "alice", "--by", "m.lee", "--wait", "1s");
  const unheard = await decide();
  assert.equal(unheard.exitCode, 1);
  assert.match(unheard.out, /^RELEASE of every open case of alice, by m\.lee/);
  assert.match(unheard.err, /Holdfast has said nothing of alice\/sequence\/e3 within .*: the decision stands/);
  await standIn(desk, { acknowledges: false });
  const unanswered = await holdfast(
    desk.env,
    "decide",
    "RELEASE",
    "--case",
    frozen.caseId,
    "--by",
    "m.lee",
    "--wait",
    "5s",
  );
  assert.equal(unanswered.exitCode, 1);
  assert.match(unanswered.err, /RELEASE of alice\S+ was said, but no enforcing service has acknowledged it/);
});

test("a mistyped case is refused, unless it is meant", limits, async (t) => {
  const desk = await opened(t);
  const decide = (...more: string[]): Promise<Ended> =>
    holdfast(desk.env, "decide", "RELEASE", "--case", "alice/sequence/e4", "--by", "m.lee", "--wait", "0", ...more);
  const refused = await decide();
  assert.equal(refused.exitCode, 1);
  assert.match(refused.err, /^no case alice\/sequence\/e4 is known; .*--anyway/);
  assert.deepEqual(await desk.all("decisions"), []);
  assert.equal((await decide("--anyway")).exitCode, 0);
  assert.deepEqual(
    (await desk.all("decisions")).map(({ caseId }) => caseId),
    ["alice/sequence/e4"],
  );
});

test("a breaker's opening is closed by its id, and by nothing else than RELEASE", limits, async (t) => {
  const desk = await opened(t);
  const opening = "alice/sequence/e3/breaker-freeze";
  const breaker = detection({
    kind: "BREAKER_OPENED",
    caseId: opening,
    group: { ruleId: "sequence", breaker: "freeze" },
  });
  const decide = (verdict: string, ...more: string[]): Promise<Ended> =>
    holdfast(desk.env, "decide", verdict, "--case", opening, "--by", "m.lee", ...more);
  assert.match((await decide("RELEASE")).err, /^no breaker's opening alice\/sequence\/e3\/breaker-freeze is known/);
  await desk.write("detections", breaker);
  assert.match((await decide("FALSE_POSITIVE")).err, /all that can be said of it is RELEASE/);
  const unheard = await decide("RELEASE", "--wait", "1s");
  assert.equal(unheard.exitCode, 1);
  assert.match(unheard.err, /Holdfast has not closed the breaker within \d+\.\d s: the decision stands/);
  await desk.hear("decisions", () => desk.write("detections", { ...breaker, kind: "BREAKER_CLOSED" }));
  const closed = await decide("RELEASE");
  assert.equal(closed.exitCode, 0, closed.err);
  assert.match(closed.out, /the breaker is closed, within .*: its rule acts as written again/);
  assert.deepEqual(
    (await desk.all("decisions")).map(({ accountId, caseId }) => [accountId, caseId]),
    [
      ["alice", opening],
      ["alice", opening],
    ],
  );
  assert.match((await decide("RELEASE")).err, /is closed already/);
});

test(
  "a case of what several accounts share is found by its id, and hides who they are when told to",
  limits,
  async (t) => {
    const desk = await opened(t);
    const caseId = "d9%20HK/shared_device/bob-login";
    const of = (account: string) => ({
      ...evidence(`${account}-login`, 1, "LOGIN_SUCCEEDED deviceId=d9"),
      summary: `${account} LOGIN_SUCCEEDED deviceId=d9`,
    });
    const shared = {
      caseId,
      group: { deviceId: "d9", country: "HK" },
      evidence: [of("alice"), of("bob")],
      decidedBy: "bob-login",
    };
    await desk.write("detections", detection(shared));
    await desk.write("detections", detection({ ...shared, caseId: `${caseId}-2` }));
    const { exitCode, out } = await holdfast(desk.env, "case", caseId);
    assert.equal(exitCode, 0);
    assert.match(out, /^deviceId d9, country HK: 1 case/);
    assert.match(out, /● bob LOGIN_SUCCEEDED deviceId=d9/);
    assert.doesNotMatch(out, /Nothing is closed/);
    const hidden = await holdfast(desk.env, "case", caseId, "--redact");
    assert.doesNotMatch(hidden.out, /alice|bob|d9|HK/);
    assert.match(hidden.out, /\[account 2\] LOGIN_SUCCEEDED deviceId=\[deviceId 1\]/);
  },
);

test("an extension that goes beyond nothing in force is not waited for", limits, async (t) => {
  const desk = await opened(t);
  const frozen = openCase("alice");
  await desk.write("commands", frozen);
  const shorter = await holdfast(
    desk.env,
    "decide",
    "EXTEND",
    "--case",
    frozen.caseId,
    "--by",
    "m.lee",
    "--until",
    "2h",
  );
  assert.equal(shorter.exitCode, 0, shorter.err);
  const [decision] = await desk.all("decisions");
  assert.ok(Math.abs(decision!.until! - Date.now() - 2 * HOUR) < HOUR);
});

test("without a schema in the registry nothing is written, and the remedy is named", limits, async (t) => {
  const desk = await opened(t);
  const env = { ...desk.env, HOLDFAST_TOPIC_DECISIONS: "unregistered" };
  const { exitCode, err } = await holdfast(env, "decide", "RELEASE", "--account", "alice", "--by", "m.lee");
  assert.deepEqual(
    [exitCode, err],
    [
      1,
      `the schema of ${desk.env["HOLDFAST_TOPIC_PREFIX"]}unregistered is not registered: run \`holdfast schemas register\`\n`,
    ],
  );
});

test("topics that are not there, and brokers that do not answer, are one clear message", limits, async (t) => {
  const desk = await opened(t);
  const missing = await holdfast({ ...desk.env, HOLDFAST_TOPIC_PREFIX: "none." }, "case", "alice");
  assert.deepEqual([missing.exitCode, missing.err.includes("Are --topic-prefix and the topics' names")], [1, true]);
  const nobody = await holdfast({ ...desk.env, HOLDFAST_KAFKA_BROKERS: "127.0.0.1:1" }, "case", "alice");
  assert.match(nobody.err, /ECONNREFUSED.*\nDo the brokers run at 127\.0\.0\.1:1/);
});

test("everything wrong with the flags of a decision is said at once", async () => {
  const { exitCode, err } = await holdfast(
    {},
    "decide",
    "relase",
    "--case",
    "alice",
    "--account",
    "alice",
    "--until",
    "yesterday",
  );
  assert.equal(exitCode, 2);
  for (const said of [
    '"relase" is no verdict; did you mean RELEASE?',
    "give either --account or --case",
    "--by is missing",
    '--until "yesterday"',
  ]) {
    assert.ok(err.includes(said), `${said} in:\n${err}`);
  }
});
