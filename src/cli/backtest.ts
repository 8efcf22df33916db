// `holdfast backtest`: what rules would have done with what the topics hold, beside what other rules would
// have, and against what people decided. Reads the real topics, joins no group, commits and writes nothing.
//
// An account's past before the memory's beginning is not known: facts of the profile that need it are
// unknown, as for a processor that starts there.

import { createCodec } from "../adapters/codec.ts";
import { createKafkaLogs } from "../adapters/kafka/logs.ts";
import { murmur2Partitioner } from "../adapters/kafka/partitioner.ts";
import { createStretchReader } from "../adapters/kafka/stretch-reader.ts";
import { systemClock } from "../adapters/system-clock.ts";
import type { Settings } from "../config.ts";
import { coreSettingsOf } from "../config/core-settings.ts";
import type { CORE_SETTINGS } from "../config/core-settings.ts";
import { responseSettingsOf } from "../config/response-settings.ts";
import type { ResponseSettings } from "../config/response-settings.ts";
import type { RuleSet } from "../core/rule.ts";
import { DAY, SECOND } from "../core/time.ts";
import type { Duration, Instant } from "../core/time.ts";
import type { Logs } from "../runtime/ports.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import { servicesRead } from "../runtime/topics.ts";
import { unheardWarnings } from "../startup.ts";
import { findStretches } from "./backtest/stretches.ts";
import type { Stretches } from "./backtest/stretches.ts";
import { Rehearsal, TooManyCases } from "./backtest/rehearsal.ts";
import { backtestJson, backtestText } from "./backtest/report.ts";
import { rerun } from "./backtest/rerun.ts";
import type { Progress, Rerun } from "./backtest/rerun.ts";
import { differenceOf, summarize } from "./backtest/summary.ts";
import type { Sided } from "./backtest/summary.ts";
import { Verdicts } from "./backtest/verdicts.ts";
import type { Cluster } from "./case/account-records.ts";
import { answered } from "./case/connection.ts";
import type { DeskSettings } from "./case/connection.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { readSoundRules } from "./sound-rules.ts";

type JudgingSettings = Pick<Settings, (typeof CORE_SETTINGS)[number] | keyof ResponseSettings | "maxAccounts">;

export interface BacktestOptions extends DeskSettings, JudgingSettings {
  /** Directory of rule files, or one file. */
  readonly rules: string;
  /** The same, to compare with; null: nothing. */
  readonly against: string | null;
  readonly from: Instant;
  /** null: now. */
  readonly to: Instant | null;
  /** How long before `from` reading begins, so that the rules remember. */
  readonly warmUp: Duration;
  readonly json: boolean;
}

const TELL_EVERY_MS = 2_000;

/** Exit code 1 when brokers do not answer or it was stopped; 2 when the rules do not load. */
export async function backtest(options: BacktestOptions, io: Io): Promise<number> {
  const sets: { path: string; rules: RuleSet }[] = [];
  for (const path of [options.rules, ...(options.against === null ? [] : [options.against])]) {
    const loaded = await readSoundRules(path, io);
    if (loaded === null) return EXIT.usage;
    sets.push({ path, rules: loaded.rules });
  }
  try {
    return await answered(options, io, (cluster) => run(options, { cluster, sets, io }));
  } catch (error) {
    if (!(error instanceof TooManyCases)) throw error;
    io.stderr(`${error.message}\n`);
    return EXIT.failed;
  }
}

interface Running {
  readonly cluster: Cluster;
  /** The new rules first. */
  readonly sets: readonly { readonly path: string; readonly rules: RuleSet }[];
  readonly io: Io;
}

async function run(options: BacktestOptions, { cluster, sets, io }: Running): Promise<number> {
  const { topics } = cluster;
  for (const warning of unheardWarnings(sets[0]!.rules, topics)) io.stderr(`warning: ${warning}\n`);
  for (const warning of unknownPast(options, sets)) io.stderr(`warning: ${warning}\n`);
  const period = { from: options.from, to: options.to ?? systemClock.now() };
  const memoryFrom = options.from - options.warmUp;
  const found = await stretchesOf(cluster, { from: memoryFrom, to: period.to });
  for (const topic of found.cut) {
    io.stderr(`warning: ${topic} does not reach back to the beginning: the rules see and remember less\n`);
  }
  const settings = { ...coreSettingsOf(options), ...responseSettingsOf(options), maxAccounts: options.maxAccounts };
  const rehearsals = sets.map(
    ({ rules }) =>
      new Rehearsal({
        rules,
        settings,
        services: servicesRead(topics),
        partitions: found.partitions,
        partitioner: murmur2Partitioner,
        countFrom: options.from,
      }),
  );
  const verdicts = new Verdicts();
  const read = await readAll(found, { cluster, sets, io, rehearsals, verdicts, to: period.to });
  const complete = !io.signal.aborted;
  if (complete) for (const rehearsal of rehearsals) rehearsal.finish(period.to);

  const [next, current] = sets.map((set, index): Sided => ({ ...set, rehearsed: rehearsals[index]!.result() }));
  const result = {
    period,
    memoryFrom,
    complete,
    partitions: found.partitions,
    read,
    new: summarize(next!, verdicts),
    current: current === undefined ? null : summarize(current, verdicts),
    difference: current === undefined ? null : differenceOf(next!.rehearsed, current.rehearsed, verdicts),
    judged: { confirmed: verdicts.accounts("confirmed", period), false: verdicts.accounts("false", period) },
  };
  io.stdout(options.json ? backtestJson(result) : backtestText(result));
  return complete ? EXIT.ok : EXIT.failed;
}

/** Facts that stay null for want of history, where rules read them. */
function unknownPast({ warmUp, profileWarmupMs }: BacktestOptions, sets: Running["sets"]): string[] {
  if (warmUp >= profileWarmupMs) return [];
  const read = new Set(sets.flatMap(({ rules }) => [...rules.profileFields]));
  const unknown = ["newDevice", "newCountry", "newAsn", "newAddress"].filter((fact) => read.has(fact));
  if (unknown.length === 0) return [];
  const facts = unknown.map((fact) => `profile.${fact}`).join(", ");
  const days = Math.ceil(profileWarmupMs / DAY);
  return [
    `${facts}: unknown of accounts without a snapshot in what is read, so rules on it match less than live; --warm-up ${days}d knows them all`,
  ];
}

async function stretchesOf(
  { client, topics }: Cluster,
  time: { readonly from: Instant; readonly to: Instant },
): Promise<Stretches> {
  const logs: Logs & { close(): void } = createKafkaLogs(client);
  try {
    return await findStretches(logs, topics, time);
  } finally {
    logs.close();
  }
}

async function readAll(
  { stretches }: Stretches,
  of: Running & { readonly rehearsals: readonly Rehearsal[]; readonly verdicts: Verdicts; readonly to: Instant },
): Promise<Rerun> {
  const { cluster, sets, io, rehearsals, verdicts, to } = of;
  const { registry, schemas, topics, signal } = cluster;
  const fields = new Set(sets.flatMap(({ rules }) => [...rules.fields]));
  const codec = createCodec({
    registry,
    schemas,
    topics,
    fields,
    clock: systemClock,
    telemetry: waitingTold(io),
    signal,
  });
  const source = createStretchReader(cluster.client, stretches);
  signal.addEventListener("abort", () => source.close(), { once: true });
  try {
    return await rerun({ source, stretches, topics, codec, rehearsals, verdicts, to, onProgress: teller(io), signal });
  } finally {
    source.close();
  }
}

/** What keeps it waiting, each time at most once in a while. */
function waitingTold(io: Io): Telemetry {
  let toldAt = -Infinity;
  return {
    emit(name, fields) {
      if (name !== "broker.failed" && name !== "registry.failed") return;
      if (systemClock.monotonic() < toldAt + TELL_EVERY_MS) return;
      toldAt = systemClock.monotonic();
      const { code, detail } = fields as { code: string; detail: string };
      io.stderr(`waiting (${code}): ${detail}\n`);
    },
  };
}

function teller(io: Io): (progress: Progress) => void {
  const startedAt = systemClock.monotonic();
  let toldAt = startedAt;
  return ({ read, of, at }) => {
    const now = systemClock.monotonic();
    if (now < toldAt + TELL_EVERY_MS) return;
    toldAt = now;
    const percent = Math.floor((100 * read) / Math.max(1, of));
    const rate = Math.round((read * SECOND) / (now - startedAt));
    io.stderr(`${percent} %, at ${new Date(at).toISOString()}: ${read} of ${of} records, ${rate} a second\n`);
  };
}
