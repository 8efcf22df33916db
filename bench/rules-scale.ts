// What more rules cost: the core over the same events with 20 and with 200 rules, each a detection of one type
// of event and a sequence over it. Prints one JSON line; fails when ten times the rules cost ten times the
// time, that is, when events are tried against rules that cannot match them.
//
//   node bench/rules-scale.ts [--accounts 5000] [--events 200000]

import { createStateCodec } from "../src/adapters/state-codec.ts";
import { EVENT_TYPES } from "../src/core/event-fields.ts";
import { SERVICES } from "../src/core/event.ts";
import { openPartition } from "../src/core/partition.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { DAY, MINUTE } from "../src/core/time.ts";
import { formatProblem } from "../src/sigma/problem.ts";
import { loadRules } from "../src/sigma/rule-set.ts";
import { makeExchange } from "../src/testing/exchange/exchange.ts";
import type { Posting } from "../src/testing/exchange/story.ts";
import { readOptions } from "./options.ts";

const options = readOptions("node bench/rules-scale.ts", "What more rules cost: 20 of them, and 200.", {
  accounts: 5_000,
  events: 200_000,
});
const length = 60 * MINUTE;
const exchange = makeExchange({
  seed: "scale",
  accounts: options.accounts,
  takeovers: 20,
  oddities: 20,
  from: Date.UTC(2024, 5, 9),
  length,
  rate: options.events / (length / 1_000),
  pace: 1,
  lag: 2_000,
  review: 5 * MINUTE,
});
const past = exchange.past();
const live = [...exchange.live()];
const types = SERVICES.flatMap((service) =>
  EVENT_TYPES[service].filter((type) => type !== "UNKNOWN").map((type) => ({ service, type })),
);

seconds(rulesOf(20)); // compiles what the others run
const few = seconds(rulesOf(20));
const many = seconds(rulesOf(200));
const ratio = Math.round((many / few) * 100) / 100;
console.log(JSON.stringify({ bench: "rules-scale", events: live.length, seconds: { 20: few, 200: many }, ratio }));
if (ratio >= 10) process.exitCode = 1;

/** CPU seconds of the live events. */
function seconds(rules: RuleSet): number {
  const partition = openPartition({
    rules,
    settings: { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" },
    codec: createStateCodec("schemas"),
    services: SERVICES,
    emit: () => undefined,
  });
  let offset = 0;
  const feed = (postings: readonly Posting[]): void => {
    for (const { service, event, at } of postings) {
      partition.apply({ service, topic: service, partition: 0, offset: offset++, recordTimestamp: at }, event, at);
      const wake = partition.wakeAt();
      if (wake !== undefined && wake <= partition.frontier()) partition.tick();
    }
  };
  feed(past);
  partition.takeChanged();
  const started = process.cpuUsage();
  feed(live);
  const { user, system } = process.cpuUsage(started);
  return Math.round((user + system) / 1e3) / 1e3;
}

/** Half detections, half sequences of two, spread over all types of events. */
function rulesOf(count: number): RuleSet {
  const texts = Array.from({ length: count / 2 }, (_, index) => {
    const { service, type } = types[index % types.length]!;
    const name = `seen_${index}`;
    return `
title: ${type} ${index}
name: ${name}
logsource: { product: exchange, service: ${service} }
detection:
  selection: { type: ${type}, country|startswith: [X${index % 10}, Y] }
  condition: selection
---
title: Twice ${index}
name: twice_${index}
correlation:
  type: event_count
  rules: [${name}]
  group-by: [accountId]
  timespan: 15m
  condition: { gte: 2 }
`;
  });
  const { rules, problems } = loadRules(texts.map((text, index) => ({ path: `${index}.yml`, text })));
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  return rules;
}
