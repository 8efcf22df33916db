// The course of one chaos run: an exchange that never stops, one fault after the other, after each of them
// the proof that every partition makes progress again, and at the end the oracle's judgement over everything
// that the topics hold. Owns the order of things; the parts are beside it.
//
//   arena, workload ─► fault ─► recover ─► probe (30 s) ─► … ─► finish ─► read all topics ─► judge

import { setTimeout as sleep } from "node:timers/promises";
import { allReady } from "../../src/cli/demo/instance.ts";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import type { Random } from "../../src/testing/exchange/random.ts";
import { openArena } from "./arena.ts";
import type { Arena, ArenaOptions } from "./arena.ts";
import { Desk } from "./desk.ts";
import { Enforcer } from "./enforcer.ts";
import { FAULTS } from "./faults.ts";
import type { Fault, Scene } from "./faults.ts";
import { SOURCES } from "./occurrence.ts";
import { countEvents, watchMemory } from "./process-watch.ts";
import { Decoder, follow, readWhole } from "./topic-log.ts";
import type { LogRecord } from "./topic-log.ts";
import {
  historiesOf,
  readAnswers,
  readBreakers,
  readCommands,
  readDecisions,
  readInputs,
  readLinks,
  refusalOf,
} from "./truth.ts";
import { PROGRESS_WITHIN_MS } from "./judged.ts";
import type { Disturbance, SaidCommand } from "./judged.ts";
import { ABSENCE_DECIDED_MS, judge } from "./verdict.ts";
import type { Evidence, Verdict } from "./verdict.ts";
import { Workload } from "./workload.ts";

export interface CourseOptions extends Omit<ArenaOptions, "settings"> {
  readonly settings?: ArenaOptions["settings"];
  readonly seed: string;
  /** For how long faults are begun. */
  readonly lastsMs: number;
  readonly brief: boolean;
  readonly accountsPerSecond: number;
  /** Kinds to choose from; a text is part of their names. Default: all that this many brokers allow. */
  readonly only?: readonly string[];
  /** Every kind once, and then it is over. Default: again and again, as long as it lasts. */
  readonly once?: boolean;
  /** Scripts that are not played. */
  readonly without?: readonly string[];
}

export interface FaultRecord extends Disturbance {
  /** Milliseconds from the fault's end until every partition answered; null: not within 30 s. */
  readonly recoveredMs: number | null;
}

export interface CourseReport {
  readonly seed: string;
  readonly faults: readonly FaultRecord[];
  readonly verdict: Verdict;
  /** What is wrong beside the verdict. */
  readonly findings: readonly string[];
  readonly records: number;
  readonly commands: number;
  readonly seconds: number;
  /** Log lines of the processes, by event and what tells them apart. */
  readonly events: Readonly<Record<string, number>>;
  readonly peakMemoryBytes: number;
}

/** Memory of one process above which something grows without bound. */
const MEMORY_LIMIT_BYTES = 900_000_000;
const LOOK_MS = 50;
/** A fault whose progress does not come back within this has broken the run. */
const GIVE_UP_MS = 120_000;
const CALM_MS: readonly [number, number] = [300, 3_000];

export async function runCourse(options: CourseOptions): Promise<CourseReport> {
  const settings = {
    ...SETTINGS,
    HOLDFAST_ACK_TIMEOUT_MS: String(ackTimeoutOf(options)),
    HOLDFAST_BREAKER_FLOOR: String(breakerBoundOf(options)),
    HOLDFAST_BREAKER_HOLD_FLOOR: String(breakerBoundOf(options)),
    ...options.settings,
  };
  const arena = await openArena({ ...options, settings });
  try {
    const report = await run(arena, options);
    if (report.findings.length + report.verdict.findings.length > 0)
      options.say(`the processes' logs are in ${await arena.keepLogs()}`);
    return report;
  } catch (error) {
    options.say(`the processes' logs are in ${await arena.keepLogs()}`);
    throw error;
  } finally {
    await arena.close();
  }
}

/** Longer than a send's answer is held back by most faults. */
const ACK_TIMEOUT_MS = 20_000;
const BRIEF_ACK_TIMEOUT_MS = 8_000;

const BREAKER_WINDOW_MS = 60_000;
/** Of the accounts that begin a script in a partition, what no rule but one that a wave is for reaches in a window. */
const BOUND_SECONDS = 80;

/** However many accounts are active, the floors are the bounds. */
const SETTINGS = {
  HOLDFAST_BREAKER_FRACTION: "0.0001",
  HOLDFAST_BREAKER_LINKED_FRACTION: "0.0001",
  HOLDFAST_BREAKER_HOLD_FRACTION: "0.0001",
  HOLDFAST_BREAKER_WINDOW_MS: String(BREAKER_WINDOW_MS),
  HOLDFAST_ABSENCE_GRACE_MS: "5000",
  HOLDFAST_CHECKPOINT_INTERVAL_MS: "500",
};

function ackTimeoutOf({ brief }: CourseOptions): number {
  return brief ? BRIEF_ACK_TIMEOUT_MS : ACK_TIMEOUT_MS;
}

function breakerBoundOf({ accountsPerSecond, partitions }: CourseOptions): number {
  return Math.ceil((accountsPerSecond / partitions) * BOUND_SECONDS);
}

async function run(arena: Arena, options: CourseOptions): Promise<CourseReport> {
  const startedAt = performance.now();
  const random = seededRandom(options.seed);
  const inputs = Object.fromEntries(SOURCES.map((source) => [source, inputOf(arena, source)]));
  const workload = new Workload({
    client: arena.client,
    registryUrl: arena.cluster.registryUrl,
    topics: inputs as Record<(typeof SOURCES)[number], string>,
    partitions: options.partitions,
    random: random.fork("workload"),
    accountsPerSecond: options.accountsPerSecond,
    later: options.brief ? [5_000, 40_000] : [10_000, 300_000],
    without: options.without ?? [],
  });
  const brokers = arena.cluster.bootstrap;
  const decoder = new Decoder(arena.cluster.registryUrl);
  const heard = new Set<string>();
  const { acks, commands, decisions, deadLetter, detections } = arena.topics;
  const timeoutMs = ackTimeoutOf(options);
  const desk = new Desk({
    client: arena.client,
    registryUrl: arena.cluster.registryUrl,
    topic: decisions,
    random: random.fork("desk"),
  });
  const enforcer = new Enforcer({
    client: arena.client,
    registryUrl: arena.cluster.registryUrl,
    topic: acks,
    random: random.fork("enforcer"),
    timeoutMs,
  });
  const buriedSoFar = new Set<string>();
  const breakerBound = breakerBoundOf(options);
  const observer = await follow({ brokers, topics: [commands, deadLetter, detections] }, (record) => {
    const { topic, key, value } = record;
    if (topic === deadLetter) return void buriedSoFar.add(refusalOf(record).place);
    if (topic === detections) return hearBreaker(record, { decoder, desk });
    heard.add(key ?? "");
    // What cannot be decoded shows at the end, when everything is read again.
    decoder.decode<SaidCommand>(value).then(
      (command) => {
        desk.hear(command);
        enforcer.hear(command);
      },
      () => {},
    );
  });
  const memory = watchMemory(arena);
  const findings: string[] = [];
  try {
    const from = Date.now();
    await desk.open();
    await enforcer.open();
    await workload.start();
    await arena.recover();
    const start = { kind: "start", from, to: Date.now() };
    const scene: Scene = {
      arena,
      workload,
      enforcer,
      breakerBound,
      random: random.fork("faults"),
      brief: options.brief,
    };
    const faults = await causeFaults(scene, { options, heard, findings });
    arena.say("faults are over; the scripts come to their end");
    await workload.finish();
    const truth = await readInputs(Object.values(inputs), { brokers, decoder });
    await untilHeard(arena, { ...truth, heard, buried: buriedSoFar });
    await desk.finish(PROGRESS_WITHIN_MS);
    await enforcer.finish(timeoutMs + PROGRESS_WITHIN_MS);
    const endedAt = Date.now();
    for (const slot of arena.running()) await arena.stop(slot);
    arena.say("everything is read again");
    const said = await readCommands(await readWhole(brokers, commands), decoder);
    const decided = await readDecisions(await readWhole(brokers, decisions), decoder);
    const told = await readLinks(await readWhole(brokers, arena.topics.signals), decoder);
    const buried = (await readWhole(brokers, deadLetter)).map(refusalOf);
    const answers = await readAnswers(await readWhole(brokers, acks), decoder);
    const breakers = await readBreakers(await readWhole(brokers, detections), decoder);
    const disturbances = [start, ...faults];
    const verdict = judge({
      ...truth,
      said,
      told,
      decisions: decided,
      answers,
      breakers,
      breakerBound,
      breakerWindowMs: BREAKER_WINDOW_MS,
      buried,
      disturbances,
      timeoutMs,
      endedAt,
    });
    for (const line of historiesOf(verdict.findings, truth.histories)) arena.say(line);
    const peakMemoryBytes = memory.peak();
    if (peakMemoryBytes > MEMORY_LIMIT_BYTES)
      findings.push(`memory: ${Math.round(peakMemoryBytes / 1e6)} MB, more than ${MEMORY_LIMIT_BYTES / 1e6} MB`);
    return {
      seed: options.seed,
      faults,
      verdict,
      findings: [...findings, ...arena.unexpectedEnds.map((why) => `ended by itself: ${why}`)],
      records: truth.records,
      commands: said.length,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      events: await countEvents(arena),
      peakMemoryBytes,
    };
  } finally {
    memory.stop();
    workload.close();
    desk.close();
    enforcer.close();
    await observer.stop();
  }
}

function hearBreaker(record: LogRecord, { decoder, desk }: { decoder: Decoder; desk: Desk }): void {
  readBreakers([record], decoder).then(
    (words) => {
      for (const { kind, caseId } of words) if (kind === "BREAKER_OPENED") desk.hearOpening(caseId);
    },
    () => {},
  );
}

function inputOf(arena: Arena, source: string): string {
  const found = arena.topics.inputs.find((input) => Object.values(input).includes(source));
  if (found === undefined) throw new Error(`no topic is read for ${source}`);
  return found.topic;
}

async function causeFaults(
  scene: Scene,
  { options, heard, findings }: { options: CourseOptions; heard: ReadonlySet<string>; findings: string[] },
): Promise<FaultRecord[]> {
  const { arena, random } = scene;
  const deadline = performance.now() + options.lastsMs;
  const records: FaultRecord[] = [];
  for (const fault of turns(faultsFor(options), { random, once: options.once === true })) {
    await arena.sleep(random.integer(...CALM_MS));
    if (performance.now() >= deadline) return records;
    const from = Date.now();
    arena.say(`${new Date(from).toISOString().slice(11, 19)} ${fault.kind}`);
    await fault.run(scene);
    // The platform's own pace counts to the fault, a process that does not become ready to its end.
    for (const slot of arena.slots.slice(0, -1)) arena.start(slot);
    const to = Date.now();
    const accounts = await probed(scene, { heard, accounts: scene.workload.probe() });
    const recoveredMs = accounts === null ? null : Date.now() - to;
    if (recoveredMs === null || recoveredMs > PROGRESS_WITHIN_MS)
      findings.push(`no progress within ${PROGRESS_WITHIN_MS / 1_000} s after: ${fault.kind}`);
    records.push({ kind: fault.kind, from, to, recoveredMs });
    // What follows would only say the same.
    if (recoveredMs === null) break;
    await arena.recover();
  }
  return records;
}

function faultsFor({ only, brokers, brief }: CourseOptions): Fault[] {
  const chosen = FAULTS.filter(
    ({ kind, cluster, long }) =>
      (only === undefined ? !(brief && long === true) : only.some((part) => kind.includes(part))) &&
      (cluster !== true || brokers === 3),
  );
  if (chosen.length === 0) throw new Error(`no fault is called ${only?.join(" or ")}`);
  return chosen;
}

/** All kinds in a random order, and again in another. */
function* turns(faults: readonly Fault[], { random, once }: { random: Random; once: boolean }): Generator<Fault> {
  for (;;) {
    const left = [...faults];
    while (left.length > 0) yield left.splice(random.integer(0, left.length - 1), 1)[0]!;
    if (once) return;
  }
}

/** Resolves when every partition has answered; null: it gave up. */
async function probed(
  { arena }: Scene,
  given: { heard: ReadonlySet<string>; accounts: Promise<readonly string[]> },
): Promise<readonly string[] | null> {
  const accounts = await given.accounts;
  for (const deadline = performance.now() + GIVE_UP_MS; ; await arena.sleep(LOOK_MS)) {
    if (accounts.every((account) => given.heard.has(account))) return accounts;
    if (performance.now() > deadline) return null;
  }
}

/** Everything that must be said has been heard, or there was time enough for it. */
async function untilHeard(
  arena: Arena,
  given: Pick<Evidence, "expectations" | "poison"> & { heard: ReadonlySet<string>; buried: ReadonlySet<string> },
): Promise<void> {
  const { heard, buried } = given;
  const due = given.expectations.filter(({ open, accountId }) => !open && !heard.has(accountId));
  const unburied = given.poison.filter(({ place }) => !buried.has(place));
  arena.say(`${due.length} groups must still be heard of, ${unburied.length} records be refused`);
  for (const deadline = performance.now() + ABSENCE_DECIDED_MS; performance.now() < deadline; await sleep(LOOK_MS)) {
    arena.options.signal.throwIfAborted();
    if (due.every(({ accountId }) => heard.has(accountId)) && unburied.every(({ place }) => buried.has(place))) break;
  }
  await allReady(
    arena.running().map(({ instance }) => instance),
    arena.options.signal,
  );
}
