// `holdfast demo`: a real Kafka, a registry, two real Holdfast processes, and a simulated exchange whose
// customers are being robbed while you watch. Owns the course of the demo and the end of everything it
// starts; its parts are in demo/.
//
//   broker + registry ─► topics, schemas ─► 2 × `holdfast run` ─► the past ─► live ─► verdict
//
//   live:  exchange ─► input topics ─► Holdfast ─► commands ─► enforcer ─► may this money leave?
//                                         ▲─────────── acks ────────┘

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startLocalCluster } from "../adapters/local-cluster/local-cluster.ts";
import type { LocalCluster } from "../adapters/local-cluster/local-cluster.ts";
import { startWatchdog } from "../adapters/local-cluster/watchdog.ts";
import { readRules } from "../adapters/rule-files.ts";
import { SECOND } from "../core/time.ts";
import type { Duration } from "../core/time.ts";
import { formatProblem } from "../sigma/problem.ts";
import { makeExchange } from "../testing/exchange/exchange.ts";
import type { ExchangeOptions } from "../testing/exchange/exchange.ts";
import { seededRandom } from "../testing/exchange/random.ts";
import { allReady, makeInstance } from "./demo/instance.ts";
import type { Instance } from "./demo/instance.ts";
import { killAtRandom } from "./demo/kills.ts";
import { perform } from "./demo/performance.ts";
import { makeReport, paintFor, verdictText } from "./demo/report.ts";
import type { Report } from "./demo/report.ts";
import { openStage } from "./demo/stage.ts";
import type { OpenStage } from "./demo/stage.ts";
import { takeoverRuleIds } from "./demo/takeover-rules.ts";
import { makeTrial } from "./demo/trial.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface DemoOptions {
  /** Directory of rule files; the FREEZE of those in its folder `takeover` counts. */
  readonly rules: string;
  readonly seed: string;
  readonly accounts: number;
  /** kill -9 one of the two processes now and then. */
  readonly kill: boolean;
  /** Start nothing: play on the broker and topics of the settings, where Holdfast instances run already. */
  readonly attach: boolean;
  /** Print the summary as the last line, as JSON. */
  readonly json: boolean;
}

const INSTANCES = 2;
const PARTITIONS = 6;
const SESSION_TIMEOUT: Duration = 6 * SECOND;
/** Longer than a killed owner's accounts are without one: session time-out and 5 s. */
const REVIEW: Duration = SESSION_TIMEOUT + 8 * SECOND;
const READY_WITHIN: Duration = 60 * SECOND;
/** From "the processes are ready" to live traffic, for they read the accounts' past meanwhile; and more for each account. */
const PROLOGUE: Duration = 3 * SECOND;
const PROLOGUE_OF_ACCOUNT: Duration = 0.1;
/** Where downloads are kept, and the logs of a demo that failed. */
const KEPT = resolve(".holdfast");

/** Some ten minutes of a takeover take as many seconds; its 15-minute window is not stretched by that. */
const SHOW: Omit<ExchangeOptions, "seed" | "accounts" | "from"> = {
  takeovers: 8,
  oddities: 3,
  rate: 60,
  length: 62 * SECOND,
  pace: 0.02,
  lag: 1.5 * SECOND,
  review: REVIEW,
};

/** Exit code 0 only if every takeover met a takeover rule's FREEZE before its money left, and no honest account any. */
export async function demo(options: DemoOptions, io: Io): Promise<number> {
  try {
    return await stageDemo(options, io);
  } catch (error) {
    if (io.signal.aborted) io.stderr("The demo was stopped; everything it started is gone.\n");
    else io.stderr(`holdfast demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failed;
  }
}

async function stageDemo(options: DemoOptions, io: Io): Promise<number> {
  const say = (line: string): void => io.stderr(`${line}\n`);
  const takeoverRules = await readTakeoverRules(options.rules, say);
  if (takeoverRules === null) return EXIT.failed;
  if (options.attach) return playAttached(options, takeoverRules, io);
  const run = `demo-${Date.now().toString(36)}`;

  await using ending = new AsyncDisposableStack();
  const cluster = await startLocalCluster({
    brokers: 1,
    directory: KEPT,
    env: io.env,
    onProgress: say,
    signal: io.signal,
  });
  ending.defer(() => cluster.stop());
  const env = environmentOf(cluster, { ...options, run, inherited: io.env });
  say(`topics with prefix ${run}., consumer group ${run}, seed ${options.seed}`);
  const failing = new AbortController();
  const onFailure = (why: Error): void => failing.abort(why);
  const stage = await openStage({ env, signal: io.signal, onFailure });
  ending.defer(() => stage.close());

  const directory = await mkdtemp(join(tmpdir(), "holdfast-demo-"));
  const instances = await startInstances({ io, env, directory, ending, onDeath: onFailure });
  const signal = AbortSignal.any([io.signal, failing.signal]);
  try {
    await untilReady(instances, signal);
    say("both have their tasks");
    const broker = `${cluster.kind} ${cluster.bootstrap.join(",")}`;
    const succeeded = await show(options, { io, stage, broker, instances, takeoverRules, signal });
    if (!succeeded) await keepLogs(directory, say);
    return succeeded ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!io.signal.aborted) await keepLogs(directory, say);
    throw failing.signal.aborted ? failing.signal.reason : error;
  }
}

async function playAttached(options: DemoOptions, takeoverRules: ReadonlySet<string>, io: Io): Promise<number> {
  if (options.kill) throw new Error("--kill and --attach: there is no process of the demo's own to kill");
  const failing = new AbortController();
  const stage = await openStage({ env: io.env, signal: io.signal, onFailure: (why) => failing.abort(why) });
  const signal = AbortSignal.any([io.signal, failing.signal]);
  const broker = `external ${io.env["HOLDFAST_KAFKA_BROKERS"]}`;
  try {
    return (await show(options, { io, stage, broker, instances: [], takeoverRules, signal })) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    throw failing.signal.aborted ? failing.signal.reason : error;
  } finally {
    await stage.close();
  }
}

/** null: they are broken, and it was said how. */
async function readTakeoverRules(path: string, say: (line: string) => void): Promise<Set<string> | null> {
  const { rules, documents, problems, warnings } = await readRules(path);
  for (const warning of warnings) say(`warning: ${formatProblem(warning)}`);
  if (rules === null) {
    for (const problem of problems) say(formatProblem(problem));
    return null;
  }
  const ids = takeoverRuleIds(documents);
  if (ids.size === 0 && documents.length > 0) {
    say(`warning: no rules in a folder \`takeover\` of ${path}: every takeover will get away`);
  }
  return ids;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What `holdfast run`, and the demo's own connections, are configured with. */
function environmentOf(
  cluster: LocalCluster,
  demo: { rules: string; run: string; inherited: Environment },
): Environment {
  return {
    ...demo.inherited,
    HOLDFAST_KAFKA_BROKERS: cluster.bootstrap.join(","),
    HOLDFAST_REGISTRY_URL: cluster.registryUrl,
    HOLDFAST_TOPIC_PREFIX: `${demo.run}.`,
    HOLDFAST_GROUP_ID: demo.run,
    HOLDFAST_RULES: demo.rules,
    HOLDFAST_MODE: "enforce",
    HOLDFAST_PARTITIONS: String(PARTITIONS),
    HOLDFAST_REPLICATION: (cluster.kind === "external" && demo.inherited["HOLDFAST_REPLICATION"]) || "1",
    HOLDFAST_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT),
    HOLDFAST_START_FROM: "earliest",
  };
}

interface Starting {
  readonly io: Io;
  readonly env: Environment;
  readonly directory: string;
  readonly ending: AsyncDisposableStack;
  readonly onDeath: (why: Error) => void;
}

async function startInstances({ io, env, directory, ending, onDeath }: Starting): Promise<Instance[]> {
  // Ends the processes and removes the directory even if this process is killed.
  const watchdog = startWatchdog(directory);
  ending.defer(() => watchdog.end());
  const instances = await Promise.all(
    Array.from({ length: INSTANCES }, (_, index) =>
      makeInstance({ name: `Holdfast ${index + 1}`, self: io.self, env, directory, watchdog, onDeath }),
    ),
  );
  ending.defer(async () => void (await Promise.all(instances.map((instance) => instance.stop()))));
  for (const instance of instances) instance.start();
  io.stderr(`starting ${INSTANCES} Holdfast processes\n`);
  return instances;
}

async function untilReady(instances: readonly Instance[], signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(READY_WITHIN);
  try {
    await allReady(instances, AbortSignal.any([signal, late]));
  } catch (error) {
    if (signal.aborted || !late.aborted) throw error;
    throw new Error(`the Holdfast processes did not become ready within ${READY_WITHIN / SECOND} s`, { cause: error });
  }
}

interface Scene {
  readonly io: Io;
  readonly stage: OpenStage;
  /** For the summary. */
  readonly broker: string;
  readonly instances: readonly Instance[];
  readonly takeoverRules: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** @returns whether Holdfast kept its word */
async function show(options: DemoOptions, scene: Scene): Promise<boolean> {
  const { io, stage, broker, signal } = scene;
  const from = Date.now() + PROLOGUE + Math.round(options.accounts * PROLOGUE_OF_ACCOUNT);
  const exchange = makeExchange({ ...SHOW, seed: options.seed, accounts: options.accounts, from });
  const trial = makeTrial(exchange, scene.takeoverRules);
  const paint = paintFor(io.isTTY);
  const report = makeReport({ write: io.stdout, paint, elapsed: () => (Date.now() - from) / SECOND });
  const { accounts, takeovers } = exchange;
  report.note(
    `${accounts.length} accounts, ${takeovers.length} of them about to be taken over; withdrawals are reviewed for ${REVIEW / SECOND} s`,
  );

  const curtain = new AbortController();
  const killing = options.kill ? startKilling(options, { ...scene, report, curtain: curtain.signal }) : undefined;
  try {
    // A broken killer ends the performance; otherwise it ends with it.
    const performing = perform({ exchange, from, stage, trial, report, signal });
    const events = await (killing === undefined
      ? performing
      : Promise.race([performing, killing.then(() => performing)]));
    const summary = trial.summary(broker, events);
    io.stdout(verdictText(trial, summary, paint));
    if (options.json) io.stdout(`${JSON.stringify(summary)}\n`);
    return trial.failures().length === 0;
  } finally {
    curtain.abort();
    await killing;
  }
}

async function startKilling(
  options: DemoOptions,
  { instances, signal, report, curtain }: Scene & { readonly report: Report; readonly curtain: AbortSignal },
): Promise<void> {
  await killAtRandom({
    instances,
    // Moments of their own: the seed decides the story, not when a process dies.
    random: seededRandom(`${options.seed} ${Date.now()}`),
    signal: AbortSignal.any([signal, curtain]),
    say: (line) => report.note(line),
    pause: [1 * SECOND, 7 * SECOND],
    down: [200, 4 * SECOND],
  });
}

async function keepLogs(directory: string, say: (line: string) => void): Promise<void> {
  const kept = join(KEPT, "demo-logs");
  await rm(kept, { recursive: true, force: true });
  await cp(directory, kept, { recursive: true });
  say(`The logs of the Holdfast processes are in ${kept}`);
}
