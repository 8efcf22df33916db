// Keeps the metrics of the table in prom-client and their number within bounds.
//
// Invariants:
// M1 A label value outside its closed list, and an open one past the metric's `maxSeries`, is counted
//    as "other": no input can grow the number of series.
// M2 What is kept for a task ends with the task.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Clock } from "../../runtime/ports.ts";
import { METRICS } from "./metric-table.ts";
import type { MetricName, MetricRow } from "./metric-table.ts";
import type { Sample } from "./event-row.ts";

export const PREFIX = "holdfast_";
const OTHER = "other";
const DEFAULT_MAX_SERIES = 10;

type Labels = Record<string, string>;
type Instrument = Counter | Gauge | Histogram;

export class Meter {
  readonly #registry = new Registry();
  readonly #instruments = new Map<MetricName, Instrument>();
  /** Label combinations seen, as joined values. */
  readonly #combinations = new Map<MetricName, Map<string, Labels>>();
  /** For metrics kept for each task: by labels, each task's last value, or for an age when it was set. */
  readonly #tasks = new Map<
    MetricName,
    Map<string, { readonly labels: Labels; readonly values: Map<number, number> }>
  >();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of Object.keys(METRICS) as MetricName[]) {
      this.#combinations.set(name, new Map());
      this.#instruments.set(name, this.#instrument(name));
      for (const labels of closedCombinations(METRICS[name])) this.#update(name, labels, 0);
    }
  }

  record(name: MetricName, sample: Sample): void {
    const row = METRICS[name];
    if (row.acrossTasks !== undefined) {
      const value = row.acrossTasks === "age" ? this.#clock.monotonic() : sample.value;
      const { task, ...labels } = sample.labels ?? {};
      this.#perTask(name, this.#bounded(name, labels)).set(Number(task), value);
      return;
    }
    this.#update(name, this.#bounded(name, sample.labels ?? {}), sample.value);
  }

  /** M2 */
  endTasks(ended: (task: number) => boolean): void {
    for (const series of this.#tasks.values()) {
      for (const { values } of series.values()) for (const task of values.keys()) if (ended(task)) values.delete(task);
    }
    for (const [name, combinations] of this.#combinations) {
      const instrument = this.#instruments.get(name);
      if (!(instrument instanceof Gauge)) continue;
      for (const [key, labels] of combinations) {
        const partition = labels["partition"];
        if (partition === undefined || partition === OTHER || !ended(Number(partition))) continue;
        instrument.remove(labels);
        combinations.delete(key);
      }
    }
  }

  /** Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #instrument(name: MetricName): Instrument {
    const row = METRICS[name];
    const config = {
      name: PREFIX + name,
      help: row.help,
      labelNames: Object.keys(row.labels),
      registers: [this.#registry],
    };
    if (row.type === "counter") return new Counter(config);
    if (row.type === "histogram") return new Histogram({ ...config, buckets: [...(row.buckets ?? [])] });
    if (row.acrossTasks === undefined) return new Gauge(config);
    const gauge: Gauge = new Gauge({
      ...config,
      collect: () => {
        if (config.labelNames.length === 0) this.#perTask(name, {});
        for (const { labels, values } of this.#tasks.get(name)?.values() ?? []) {
          gauge.set(labels, this.#combined(name, values));
        }
      },
    });
    return gauge;
  }

  #update(name: MetricName, labels: Labels, value: number): void {
    const instrument = this.#instruments.get(name);
    if (instrument instanceof Counter) instrument.inc(labels, value);
    else if (instrument instanceof Histogram) instrument.observe(labels, value);
    else if (instrument !== undefined) {
      if (METRICS[name].type === "info") instrument.reset();
      instrument.set(labels, value);
    }
  }

  /** M1 */
  #bounded(name: MetricName, given: Readonly<Record<string, string | number>>): Labels {
    const row = METRICS[name];
    const labels: Labels = {};
    let key = "";
    for (const label in row.labels) {
      const allowed = row.labels[label]!;
      const value = String(given[label]);
      const kept = allowed === "open" || allowed.includes(value) ? value : OTHER;
      labels[label] = kept;
      key += `${kept}\n`;
    }
    const combinations = this.#combinations.get(name)!;
    const known = combinations.get(key);
    if (known !== undefined) return known;
    if (row.type !== "info" && combinations.size >= (row.maxSeries ?? DEFAULT_MAX_SERIES)) {
      for (const label in row.labels) if (row.labels[label] === "open") labels[label] = OTHER;
      return labels;
    }
    if (row.type !== "info") combinations.set(key, labels);
    return labels;
  }

  #perTask(name: MetricName, labels: Labels): Map<number, number> {
    let series = this.#tasks.get(name);
    if (series === undefined) this.#tasks.set(name, (series = new Map()));
    const key = Object.values(labels).join("\n");
    let found = series.get(key);
    if (found === undefined) series.set(key, (found = { labels, values: new Map() }));
    return found.values;
  }

  #combined(name: MetricName, of: ReadonlyMap<number, number>): number {
    const values = [...of.values()];
    const { acrossTasks } = METRICS[name];
    if (acrossTasks === "sum") return values.reduce((sum, value) => sum + value, 0);
    if (acrossTasks === "max") return Math.max(0, ...values);
    return values.length === 0 ? 0 : (this.#clock.monotonic() - Math.min(...values)) / 1_000;
  }
}

/** Every combination of closed labels, so that a counter starts at 0 and its first step shows; none where a label is open. */
function closedCombinations(row: MetricRow): Labels[] {
  let combinations: Labels[] = Object.keys(row.labels).length === 0 ? [] : [{}];
  for (const [label, values] of Object.entries(row.labels)) {
    if (values === "open") return [];
    combinations = combinations.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })));
  }
  return combinations;
}
