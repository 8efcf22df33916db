// Runs the table of named events: one emit writes the row's log line and moves its metrics. The rows are
// in telemetry/event-table.ts, the metrics in telemetry/metric-table.ts. Account ids never reach a label,
// and reach a log line as pseudonyms unless configured otherwise.
//
// Invariants:
// B1 A flood of one event writes at most LINES_PER_SECOND lines a second; the next line counts those left
//    out. Metrics count all.
// B2 Of lines that say the same, where a row tells which do, there is one in SAME_AGAIN_MS instead.

import { pino } from "pino";
import type { Logger } from "pino";
import type { Clock } from "../runtime/ports.ts";
import type { Telemetry, TelemetryEvents } from "../runtime/telemetry.ts";
import { EVENTS } from "./telemetry/event-table.ts";
import type { EventRow, Level } from "./telemetry/event-row.ts";
import { Meter } from "./telemetry/meter.ts";
import type { MetricName } from "./telemetry/metric-table.ts";
import { pseudonymiser, pseudonymousCase } from "./telemetry/pseudonym.ts";
import type { Pseudonymise } from "./telemetry/pseudonym.ts";

export const LINES_PER_SECOND = 50;
export const SAME_AGAIN_MS = 10_000;

export interface TelemetryOptions {
  readonly logLevel: Level | "silent";
  /** Account ids as they are. */
  readonly logAccountIds: boolean;
  /** Key of the pseudonyms; undefined: one drawn for this process. */
  readonly pseudonymKey: string | undefined;
  /** Takes log lines, one JSON object each, line end included. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly version: string;
  /** Node's version, for build_info. */
  readonly node: string;
}

export interface TelemetryAdapter extends Telemetry {
  /** What `/metrics` answers. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function openTelemetry(options: TelemetryOptions): TelemetryAdapter {
  const meter = new Meter(options.clock);
  meter.record("build_info", { value: 1, labels: { version: options.version, node: options.node } });
  meter.record("state", { value: 1, labels: { state: "starting" } });
  const log = new EventLog(options);
  return {
    emit(name, fields) {
      const row: EventRow<typeof fields> = EVENTS[name];
      move(meter, row, fields);
      log.write(name, row, fields);
    },
    metrics: async () => ({ contentType: meter.contentType, text: await meter.text() }),
  };
}

function move<F>(meter: Meter, row: EventRow<F>, fields: F): void {
  for (const name in row.metrics) {
    const samples = row.metrics[name as MetricName]!(fields);
    if ("value" in samples) meter.record(name as MetricName, samples);
    else for (const sample of samples) meter.record(name as MetricName, sample);
  }
  const { endsTask } = row;
  if (endsTask !== undefined) meter.endTasks((task) => endsTask(fields, task));
}

class EventLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #pseudonymise: Pseudonymise | undefined;
  readonly #pace = new Map<string, { startedAt: number; lines: number; omitted: number }>();

  constructor(options: TelemetryOptions) {
    this.#clock = options.clock;
    this.#pseudonymise = options.logAccountIds ? undefined : pseudonymiser(options.pseudonymKey);
    this.#logger = pino(
      {
        level: options.logLevel,
        base: null,
        messageKey: "message",
        timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: options.write },
    );
  }

  write<K extends keyof TelemetryEvents>(name: K, row: EventRow<TelemetryEvents[K]>, fields: TelemetryEvents[K]): void {
    const level = typeof row.level === "function" ? row.level(fields) : row.level;
    if (!this.#logger.isLevelEnabled(level)) return;
    const omitted =
      row.sameAs === undefined
        ? this.#omitted(name, { most: LINES_PER_SECOND, withinMs: 1_000 }) // B1
        : this.#omitted(`${name} ${row.sameAs(fields)}`, { most: 1, withinMs: SAME_AGAIN_MS }); // B2
    if (omitted === undefined) return;
    const line: Record<string, unknown> = { event: name, ...this.#private(fields) };
    if (omitted > 0) line["omitted"] = omitted;
    this.#logger[level](line, row.message);
  }

  /** @returns lines of the subject left out since the last one; undefined: leave this one out */
  #omitted(subject: string, { most, withinMs }: { most: number; withinMs: number }): number | undefined {
    const now = this.#clock.monotonic();
    let pace = this.#pace.get(subject);
    if (pace === undefined) this.#pace.set(subject, (pace = { startedAt: now, lines: 0, omitted: 0 }));
    if (now - pace.startedAt >= withinMs) {
      pace.startedAt = now;
      pace.lines = 0;
    }
    if (pace.lines >= most) {
      pace.omitted++;
      return undefined;
    }
    pace.lines++;
    const { omitted } = pace;
    pace.omitted = 0;
    return omitted;
  }

  #private(fields: object): object {
    const pseudonymise = this.#pseudonymise;
    if (pseudonymise === undefined) return fields;
    return {
      ...fields,
      ...("accountId" in fields ? { accountId: pseudonymise(String(fields.accountId)) } : {}),
      ...("caseId" in fields ? { caseId: pseudonymousCase(String(fields.caseId), pseudonymise) } : {}),
    };
  }
}
