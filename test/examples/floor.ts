// What the end-to-end tests of the fraud desk stand on: real topics and schemas made by the command line, real
// `holdfast run` and enforcer processes, and one account's takeover written as an exchange would.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env as ownEnv, execPath } from "node:process";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { registeredEncoder } from "../../src/adapters/registered-encoder.ts";
import { createKeyedWriter } from "../../src/adapters/kafka/writer.ts";
import { freePorts } from "../../src/adapters/local-cluster/free-ports.ts";
import { createRegistry } from "../../src/adapters/registry.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../src/adapters/schema-files.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { ExchangeEvent, ExchangeService } from "../../src/core/event.ts";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import type { Instant } from "../../src/core/time.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { Topics } from "../../src/runtime/topics.ts";
import type { Posting } from "../../src/testing/exchange/story.ts";
import { openDeskTopics } from "../cli/case/desk-topics.ts";
import type { DeskTopics } from "../cli/case/desk-topics.ts";
import { openConsole } from "../cli/console.ts";
import type { TestCluster } from "../cluster.ts";

const root = join(import.meta.dirname, "../..");
/** Who is gone refuses at once; who is there may be busy. */
const ANSWER_WITHIN = 10 * SECOND;

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface Floor extends DeskTopics {
  holdfast(...args: string[]): Promise<Ran>;
  append(service: ExchangeService, event: ExchangeEvent): Promise<void>;
  /** Each topic's in their order, the topics beside one another. */
  appendAll(events: readonly Pick<Posting, "service" | "event">[]): Promise<void>;
  /** Notice, weaker factor, key: the takeover of June 2024. */
  takeOver(accountId: string): Promise<void>;
}

export interface Running {
  readonly port: number;
  readonly log: () => string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** @param settings as variables, for every process and command on this floor */
export async function openFloor(
  t: TestContext,
  kafka: TestCluster,
  settings: Readonly<Record<string, string>> = {},
): Promise<Floor> {
  const desk = await openDeskTopics(t, kafka);
  const env = { ...desk.env, ...settings };
  const holdfast = async (...args: string[]): Promise<Ran> => {
    const { io, out, err } = openConsole();
    const exitCode = await runProgram(args, { ...io, env });
    return { exitCode, out: out(), err: err() };
  };
  const registered = await holdfast("schemas", "register");
  if (registered.exitCode !== 0) throw new Error(registered.err);
  const registry = createRegistry({ url: kafka.registryUrl, telemetry: SILENT });
  const { events } = await loadSchemas(SCHEMAS_DIRECTORY);
  const writer = createKeyedWriter(desk.client);
  t.after(() => writer.close());

  async function appendAll(postings: readonly Pick<Posting, "service" | "event">[]): Promise<void> {
    const write = async ({ topic, service }: Topics["inputs"][number]): Promise<void> => {
      const own = postings.filter((posting) => posting.service === service);
      if (own.length === 0) return;
      const valueOf = await registeredEncoder(registry, { topic, file: events[service] });
      await writer.write(
        topic,
        own.map(({ event }) => ({ key: event.accountId, value: valueOf(event) })),
      );
    };
    await Promise.all(desk.topics.inputs.map(write));
  }
  const append = (service: ExchangeService, event: ExchangeEvent): Promise<void> => appendAll([{ service, event }]);

  return {
    ...desk,
    env,
    holdfast,
    append,
    appendAll,
    async takeOver(accountId) {
      // One after another: what a key was verified below is known when it comes.
      for (const each of takeoverOf(accountId, Date.now())) await appendAll([each]);
    },
  };
}

/** What happens to the account, the key last, at `keyAt`. */
export function takeoverOf(accountId: string, keyAt: Instant): Pick<Posting, "service" | "event">[] {
  const base = { accountId, enrolledFactors: ["TOTP", "SMS"] as const };
  const id = (name: string): string => `${accountId}-${name}`;
  const known = { ...base, eventId: id("s"), type: "ACCOUNT_SNAPSHOT", occurredAt: keyAt - 10 * MINUTE };
  const notice = { ...base, eventId: id("n"), type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" };
  const switched = { ...base, eventId: id("f"), type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" } as const;
  const rights = ["TRADE", "WITHDRAW"];
  const key = { eventId: id("k"), accountId, type: "API_KEY_CREATED", keyId: id("key"), rights };
  return [
    { service: "auth", event: known },
    { service: "auth", event: { ...notice, occurredAt: keyAt - 4 * MINUTE } },
    { service: "auth", event: { ...switched, occurredAt: keyAt - 2 * MINUTE } },
    { service: "api_key", event: { ...key, verifiedWith: ["SMS"], occurredAt: keyAt } },
  ];
}

/** A real `holdfast run` with the shipped rules, where the settings name no others. */
export async function startHoldfast(
  t: TestContext,
  { env }: Floor,
  more: Record<string, string> = {},
): Promise<Running> {
  const [port] = (await freePorts(1)) as [number];
  const running = start(t, [join(root, "src/main.ts"), "run"], {
    HOLDFAST_RULES: join(root, "rules"),
    ...env,
    // Groups have no prefix of their own.
    HOLDFAST_GROUP_ID: `${env["HOLDFAST_TOPIC_PREFIX"]}holdfast`,
    HOLDFAST_HTTP_PORT: String(port),
    HOLDFAST_SESSION_TIMEOUT_MS: String(6 * SECOND),
    ...more,
  });
  return { ...running, port };
}

/** The example, as its README starts it; the ledger file outlives it. */
export async function startEnforcer(t: TestContext, { env }: Floor, ledger: string): Promise<Running> {
  const [port] = (await freePorts(1)) as [number];
  const running = start(t, [join(root, "examples/enforcer/enforcer.ts")], {
    ...env,
    ENFORCER_GROUP: `${env["HOLDFAST_TOPIC_PREFIX"]}enforcer`,
    ENFORCER_LEDGER: ledger,
    ENFORCER_PORT: String(port),
  });
  return { ...running, port };
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Polls until the condition holds. @throws with what the processes said when it does not in time */
export async function until(
  condition: () => Promise<boolean> | boolean,
  { what, within = 45 * SECOND, processes = [] }: { what: string; within?: number; processes?: readonly Running[] },
): Promise<void> {
  for (const deadline = Date.now() + within; ; await sleep(50)) {
    if (await condition()) return;
    if (Date.now() > deadline)
      throw new Error([`not in time: ${what}`, ...processes.map(({ log }) => log())].join("\n---\n"));
  }
}

/** What the example's HTTP door answers; undefined: nobody is there. */
export async function ask({ port }: Running, operation: Record<string, string>): Promise<string | undefined> {
  try {
    const request = { method: "POST", body: JSON.stringify(operation), signal: AbortSignal.timeout(ANSWER_WITHIN) };
    const response = await fetch(`http://127.0.0.1:${port}/ask`, request);
    return ((await response.json()) as { answer: string }).answer;
  } catch {
    return undefined;
  }
}

/** The sum of a metric's series; undefined: nobody is there, or there is none. */
export async function metric({ port }: Running, name: string): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
    const series = (await response.text()).matchAll(new RegExp(`^holdfast_${name}(?:\\{.*\\})? (\\S+)$`, "gmu"));
    const values = [...series].map(([, value]) => Number(value));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  } catch {
    return undefined;
  }
}

function start(t: TestContext, args: readonly string[], env: Record<string, string>): Omit<Running, "port"> {
  let said = "";
  const child: ChildProcess = spawn(execPath, args, { env: { ...ownEnv, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const hear = (chunk: Buffer): void => void (said = (said + String(chunk)).slice(-20_000));
  child.stdout!.on("data", hear);
  child.stderr!.on("data", hear);
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };
  t.after(() => kill());
  return { log: () => said, kill };
}
