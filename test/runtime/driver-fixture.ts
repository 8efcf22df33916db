// A driver with the shipped rules and schemas, a takeover after the pattern of June 2024, and what a run
// has left behind in a form that two runs can be compared by.

import assert from "node:assert/strict";
import type { BrokerCall, Fate } from "../../src/adapters/memory/wire.ts";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { readRules } from "../../src/adapters/rule-files.ts";
import { loadSchemas } from "../../src/adapters/schema-files.ts";
import { openPartition } from "../../src/core/partition.ts";
import { parseCheckpoint } from "../../src/runtime/checkpoint.ts";
import type { CommittedCheckpoint } from "../../src/runtime/checkpoint.ts";
import type { CommitEntry } from "../../src/runtime/ports.ts";
import { Restore } from "../../src/runtime/restore.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import { createProcessorDriver, DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { Place, ProcessorDriver, ProcessorDriverOptions } from "../../src/testing/processor-driver.ts";

const SCHEMAS = new URL("../../schemas", import.meta.url).pathname;
const RULES = new URL("../../rules", import.meta.url).pathname;

const { rules, problems } = await readRules(RULES);
if (rules === null) throw new Error(`the shipped rules do not load: ${JSON.stringify(problems)}`);
const parts = {
  rules,
  schemas: await loadSchemas(SCHEMAS),
  openPartition,
  stateCodec: createStateCodec(SCHEMAS),
  stateLogCodec: createStateLogCodec(SCHEMAS),
};

export const SESSION_MS: number = 10_000;
/** From a death to the first record of the next owner, with some room. */
export const TAKEOVER_MS: number = SESSION_MS + 5_000;

export function openDriver(options: Partial<ProcessorDriverOptions> = {}): Promise<ProcessorDriver> {
  return createProcessorDriver({ ...parts, ...options, tuning: { sessionTimeoutMs: SESSION_MS, ...options.tuning } });
}

/** Starts a processor and lets time pass until it is ready. */
export async function startReady(driver: ProcessorDriver, name: string): Promise<DrivenProcessor> {
  const processor = driver.start(name);
  await ready(driver, processor);
  return processor;
}

export async function ready(driver: ProcessorDriver, processor: DrivenProcessor): Promise<void> {
  await driver.until(() => processor.ready() || processor.end().how === "failed", {
    withinMs: 3 * TAKEOVER_MS,
    what: "ready",
  });
  const end = processor.end();
  if (end.how === "failed") throw end.error;
}

/** What happens to a call of the first processor, by its number; undefined: nothing. */
export type FateOf = (
  n: number,
  call: BrokerCall,
  told: { readonly driver: ProcessorDriver; readonly first: DrivenProcessor },
) => Fate | undefined;

/** Runs the story on a first processor, asking `fateOf` about each of its calls to the broker. */
export async function tellWith(
  story: (driver: ProcessorDriver) => Promise<void>,
  fateOf: FateOf,
): Promise<{ readonly driver: ProcessorDriver; readonly first: DrivenProcessor; readonly calls: BrokerCall[] }> {
  const driver = await openDriver();
  const first = driver.start("first");
  const calls: BrokerCall[] = [];
  driver.broker.onCall((call) =>
    call.process === "first" ? fateOf(calls.push(call) - 1, call, { driver, first }) : undefined,
  );
  await story(driver);
  return { driver, first, calls };
}

/** A state log of so many checkpoints, an account in each, whose owner has stopped. */
export async function checkpointed(driver: ProcessorDriver, accounts: number): Promise<void> {
  const first = await startReady(driver, "first");
  for (let n = 0; n < accounts; n++) {
    driver.produce({ accountId: `account-${n}`, type: "RISK_NOTICE_SENT", channel: "SMS" });
    await driver.advance(1_100);
  }
  first.stop();
  await driver.advance(1_000);
}

/** Commits as a member of the group that is no processor: an operator's tool. */
export async function commitByHand(
  driver: ProcessorDriver,
  topics: readonly string[],
  entries: () => readonly CommitEntry[],
): Promise<void> {
  const group = driver.broker.connect("operator").group({
    groupId: driver.groupId,
    topics,
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 1_000,
    rebalanceTimeoutMs: 10_000,
  });
  const committed = Promise.withResolvers<string>();
  await group.start({
    onSuspend: () => {},
    onAssigned: (assignment) => void group.commit(assignment, entries()).then(committed.resolve),
    onBatch: () => {},
    onFailure: () => {},
  });
  await driver.settle();
  assert.equal(await committed.promise, "committed");
  void group.stop();
  await driver.settle();
}

/** Notice, switch to a weaker factor, key; `gapMs` apart. Sets off one hold and one freeze, both at the key. */
export async function takeover(driver: ProcessorDriver, accountId: string, gapMs = 1_000): Promise<Place[]> {
  const places = [
    driver.produce({ accountId, eventId: `${accountId}-1`, type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" }),
  ];
  await driver.advance(gapMs);
  places.push(
    driver.produce({ accountId, eventId: `${accountId}-2`, type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" }),
  );
  await driver.advance(gapMs);
  const key = { keyId: "k1", rights: ["TRADE", "WITHDRAW"], verifiedWith: ["SMS" as const] };
  places.push(driver.produce({ accountId, eventId: `${accountId}-3`, type: "API_KEY_CREATED", ...key }));
  return places;
}

/** Accounts frozen, in the log's order; an account twice is said twice. */
export function frozen(driver: ProcessorDriver): string[] {
  return driver.commands().flatMap(({ action, accountId }) => (action === "FREEZE" ? [accountId] : []));
}

/** Commands by id, as a consumer that ignores known ids sees them; what one id says never differs. */
export function commandsById(driver: ProcessorDriver): Record<string, unknown> {
  return byId(driver.commands().map((command) => [command.commandId, command]));
}

export function detectionsById(driver: ProcessorDriver): Record<string, unknown> {
  return byId(driver.detections().map((detection) => [`${detection.kind} ${detection.caseId}`, detection]));
}

function byId(said: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [id, value] of said.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const plain: unknown = JSON.parse(JSON.stringify(value));
    if (id in found) assert.deepEqual(plain, found[id], `${id} is said twice and differs`);
    found[id] = plain;
  }
  return found;
}

/** Two cases and their checkpoint; nobody runs. */
export async function worked(): Promise<ProcessorDriver> {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  for (const accountId of ["alice", "bob"]) {
    await takeover(driver, accountId);
    await driver.advance(2_000);
  }
  first.stop();
  await driver.advance(1_000);
  return driver;
}

export function committedCheckpoint(driver: ProcessorDriver, task: number): CommittedCheckpoint | null {
  const [committed] = driver.broker
    .coordinator(driver.groupId)
    .committed([{ topic: DRIVER_TOPICS.state, partition: task }]);
  if (committed!.offset < 0) return null;
  const parsed = parseCheckpoint(committed!.metadata);
  assert.ok(!("problem" in parsed));
  return parsed;
}

/** What the committed checkpoint of a task would restore: group → encoded state. */
export function committedState(driver: ProcessorDriver, task: number): Record<string, string> {
  const checkpoint = committedCheckpoint(driver, task);
  assert.ok(checkpoint?.lineage, "there is a checkpoint with its lineage");
  const groups = new Map<string, string>();
  const { base, lineage } = checkpoint;
  const restore = new Restore(
    { base, lineage },
    {
      codec: parts.stateLogCodec,
      takeGroup: (group, state) => {
        if (state === null) groups.delete(group);
        else groups.set(group, Buffer.from(state).toString("hex"));
      },
    },
  );
  for (let at = checkpoint.base; at < checkpoint.head;) {
    const batch = driver.broker.fetch({ topic: DRIVER_TOPICS.state, partition: task }, at);
    restore.read(batch, checkpoint.head);
    at = batch.nextOffset;
  }
  return Object.fromEntries([...groups].toSorted());
}
