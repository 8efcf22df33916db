// What a row of the event table says: the log line of an event, and how it moves the metrics.

import type { MetricName } from "./metric-table.ts";

export type Level = "debug" | "info" | "warn" | "error";

/** An update: counters grow by `value`, gauges take it, histograms observe it. */
export interface Sample {
  readonly value: number;
  /** Labels of the metric; `task` beside them where the metric is kept for each task. */
  readonly labels?: Readonly<Record<string, string | number>>;
}

export interface EventRow<Fields> {
  readonly level: Level | ((fields: Fields) => Level);
  readonly message: string;
  readonly means: string;
  readonly metrics?: Partial<Record<MetricName, (fields: Fields) => Sample | readonly Sample[]>>;
  /** Lines that say the same: one of them is enough for a while. Of few values, as a label's. */
  readonly sameAs?: (fields: Fields) => string;
  /** Tasks that are over with this event: their series end. */
  readonly endsTask?: (fields: Fields, task: number) => boolean;
}
