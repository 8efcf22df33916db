// A partition with its outputs laid open, and events made short: what the tests of the core share.

import { join } from "node:path";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import type { Arrival, ExchangeEvent, Service } from "../../src/core/event.ts";
import type { BreakerSettings } from "../../src/core/breaker.ts";
import type { Command, Detection, Mode } from "../../src/core/output.ts";
import { openPartition, type Partition, type StateCodec } from "../../src/core/partition.ts";
import { handmadeRules, type HandmadeCorrelation } from "../../src/core/rule-set.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { DAY, type Duration, type Instant, MINUTE } from "../../src/core/time.ts";

export const SCHEMAS: string = join(import.meta.dirname, "../../schemas");
export const codec: StateCodec = createStateCodec(SCHEMAS);

/** Where the times of the tests count from; a whole hour. */
export const START: Instant = Date.UTC(2024, 5, 9);

export type Fields = Partial<Omit<ExchangeEvent, "eventId" | "type" | "occurredAt">>;

/** An event of `alice`, `at` milliseconds after START. */
export function event(eventId: string, at: Duration, type: string, fields: Fields = {}): ExchangeEvent {
  return { eventId, accountId: "alice", type, occurredAt: START + at, ...fields };
}

export interface World {
  readonly partition: Partition;
  readonly commands: Command[];
  readonly detections: Detection[];
  /** Applies events of one service in the given order; the record's timestamp is the event's own. */
  apply(service: Service, ...events: readonly ExchangeEvent[]): void;
  /** Moves the frontier to `at` after START and ticks. */
  pass(at: Duration): void;
  /** Lets time pass until nothing waits any more. */
  finish(): void;
  /** A partition like this one, with the state this one has had until now. */
  restarted(): World;
  /** Kinds and deciding events of the detections so far, then actions and their deciding events. */
  said(): string[];
}

export interface WorldOptions {
  readonly rules: RuleSet;
  readonly mode?: Mode;
  readonly lateness?: Duration;
  readonly grace?: Duration;
  readonly services?: readonly string[];
  /** The wall clock; default: long ago, so that nothing is stale. */
  readonly now?: Instant;
  readonly breaker?: BreakerSettings;
  readonly ackTimeout?: Duration;
}

/** @param saved groups that an earlier one left behind */
export function openWorld(options: WorldOptions, saved: Map<string, Uint8Array | null> = new Map()): World {
  const commands: Command[] = [];
  const detections: Detection[] = [];
  const partition = openPartition({
    rules: options.rules,
    settings: {
      allowedLateness: options.lateness ?? 10 * MINUTE,
      ...(options.grace === undefined ? {} : { absenceGrace: options.grace }),
      profileWarmup: 14 * DAY,
      mode: options.mode ?? "enforce",
      ...(options.breaker === undefined ? {} : { breaker: options.breaker }),
      ...(options.ackTimeout === undefined ? {} : { ackTimeout: options.ackTimeout }),
    },
    codec,
    services: options.services ?? ["all"],
    emit(outputs) {
      commands.push(...outputs.commands);
      detections.push(...outputs.detections);
    },
  });
  for (const [group, state] of saved) partition.loadGroup(group, state);
  let offset = 0;
  return {
    partition,
    commands,
    detections,
    apply(service, ...events) {
      for (const each of events) {
        const arrival: Arrival = {
          service,
          topic: service,
          partition: 0,
          offset: offset++,
          recordTimestamp: each.occurredAt,
        };
        partition.apply(arrival, each, options.now ?? 0);
      }
    },
    pass(at) {
      partition.advance(START + at);
      partition.tick();
    },
    finish() {
      for (let at = partition.wakeAt(); at !== undefined; at = partition.wakeAt()) {
        partition.advance(at);
        partition.tick();
      }
    },
    restarted() {
      for (const { group, state } of partition.takeChanged()) saved.set(group, state);
      const next = openWorld(options, new Map(saved));
      next.partition.loadPartition(partition.encode());
      return next;
    },
    said: () => [
      ...detections.map((each) => `${each.kind} ${each.caseId}`),
      ...commands.map((each) => `${each.action} ${each.scopes.join("+")} ${each.commandId}`),
    ],
  };
}

/** The whole state of a partition as text, account by account: equal states, equal texts. */
export function stateOf(world: World): string {
  const groups = world.partition
    .takeChanged()
    .map((each) => `${each.group}:${Buffer.from(each.state ?? []).toString("hex")}`);
  return groups.sort().join("\n");
}

/** A sequence over events of the types A, B, C …, each a detection of that name; `A+B` is of two types. */
export function sequence(steps: string, more: Partial<HandmadeCorrelation> = {}): RuleSet {
  const names = [...new Set(steps.split(""))];
  return handmadeRules({
    detections: names.map((name) => ({ name, matches: (each) => each.type.split("+").includes(name) })),
    correlations: [{ name: "sequence", steps: steps.split(""), timespan: 15 * MINUTE, ...more }],
  });
}

/** A group's encoded state as plain data. */
export function decode(state: Uint8Array): Record<string, unknown> {
  return JSON.parse(JSON.stringify(codec.decodeGroup(state))) as Record<string, unknown>;
}
