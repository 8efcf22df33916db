// What goes wrong in one simulated world, as data: each fault stands for itself, so that a list of them can be
// shortened and still means something. Owns their drawing and their wording; doing them is faulty-world.ts's.

import type { Duration } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import type { Random } from "../exchange/random.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import { RULE_CHANGES } from "./rule-changes.ts";
import type { RuleChange } from "./rule-changes.ts";
import type { Spread } from "./scenario.ts";

/** The connections of a process that can be held up: nothing on them moves until the stall is over. */
const CONNECTIONS: readonly string[] = [
  "coordinator",
  "membership",
  "fetch",
  ...DRIVER_TOPICS.inputs.map(({ topic }) => `fetch/${topic}` as const),
  "producer-1",
  "producer-2",
  "logs",
  "registry",
];

export type Fault =
  /** Everything ready moves in an order drawn from this seed, instead of first come, first served. */
  | { readonly kind: "shuffle"; readonly seed: number }
  /** A fetch returns no more records than this. */
  | { readonly kind: "small fetches"; readonly records: number }
  /** The process in a slot ends and another starts there: kill -9, or SIGTERM. */
  | { readonly kind: "kill" | "stop"; readonly slot: number; readonly at: Duration; readonly downFor: Duration }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: "freeze"; readonly slot: number; readonly at: Duration; readonly lasts: Duration }
  /** One more process, told to stop later. */
  | { readonly kind: "join"; readonly at: Duration; readonly lasts: Duration }
  /** No call is done: of one process, or of all. */
  | { readonly kind: "outage"; readonly slot: number | "all"; readonly at: Duration; readonly lasts: Duration }
  | {
      readonly kind: "stall";
      readonly slot: number;
      /** One of CONNECTIONS. */
      readonly connection: string;
      /** Requests reach nobody, or answers do not come back. */
      readonly direction: "requests" | "answers";
      readonly at: Duration;
      readonly lasts: Duration;
    }
  /** The registry answers nobody, refuses to (those that ask for a schema), or denies the ids it knows. */
  | {
      readonly kind: "registry";
      readonly how: "down" | "refuses" | "denies";
      readonly at: Duration;
      readonly lasts: Duration;
    }
  /** The wall clock of one process is wrong from then on. */
  | { readonly kind: "clock"; readonly slot: number; readonly at: Duration; readonly by: Duration }
  /** Other rules take the place of those of the process in a slot; whoever starts there later has the first again. */
  | { readonly kind: "reload"; readonly slot: number; readonly change: RuleChange; readonly at: Duration }
  /**
   * Calls of one kind, counted over all processes, fail or half-fail; or their process ends in the middle, or has
   * its rules changed.
   */
  | {
      readonly kind: "call";
      /** `commit`, `send holdfast.state`, `fetch holdfast.commands`, … */
      readonly call: string;
      /** Of these calls the how-manieth, from 0, and how many from there. */
      readonly nth: number;
      readonly times: number;
      /** Whether the broker does it all the same; late: after the answer, a send by so much. */
      readonly done: boolean | "late";
      readonly lateBy: Duration;
      readonly after: "answer lost" | "killed" | "frozen" | RuleChange;
    };

export interface FaultDraw {
  readonly length: Duration;
  readonly instances: number;
  readonly spread: Spread;
  /** How often each kind of call was made in the calm run. */
  readonly calls: ReadonlyMap<string, number>;
}

/** Where a half-done call leaves most to be put right. */
const WEIGHTS: Readonly<Record<string, number>> = {
  [`send ${DRIVER_TOPICS.state}`]: 4,
  [`send ${DRIVER_TOPICS.commands}`]: 4,
  commit: 4,
};

/** One to ten faults, all over before the scenario is. */
export function drawFaults(random: Random, draw: FaultDraw): Fault[] {
  const faults: Fault[] = [];
  if (random.chance(0.6)) faults.push({ kind: "shuffle", seed: random.integer(0, 1_000_000) });
  if (random.chance(0.3)) faults.push({ kind: "small fetches", records: random.integer(1, 4) });
  const count = random.integer(1, 8);
  for (let i = 0; i < count; i++) faults.push(drawFault(random, draw));
  if (draw.spread === "absences" && random.chance(0.7)) faults.push(drawTopicAway(random, draw));
  return faults;
}

/** One topic cannot be read while the others can, for longer than an absence is waited for. */
function drawTopicAway(random: Random, { length, instances }: FaultDraw): Fault {
  const slot = random.integer(0, instances - 1);
  const at = random.integer(0, Math.floor(length / 3));
  const { topic } = random.pick(DRIVER_TOPICS.inputs);
  const lasts = length - at;
  return { kind: "stall", slot, connection: `fetch/${topic}`, direction: "answers", at, lasts };
}

function drawFault(random: Random, { length, instances, calls, spread }: FaultDraw): Fault {
  const slot = random.integer(0, instances - 1);
  const at = random.integer(0, length - 1);
  const lasts = random.integer(1, length - at);
  const luck = random.next();
  if (luck < 0.14) return { kind: "kill", slot, at, downFor: random.integer(0, 2 * SECOND) };
  if (luck < 0.2) return { kind: "stop", slot, at, downFor: random.integer(0, 2 * SECOND) };
  if (luck < 0.3) return { kind: "freeze", slot, at, lasts };
  if (luck < 0.36) return { kind: "join", at, lasts };
  if (luck < 0.41) return { kind: "outage", slot: random.chance(0.5) ? "all" : slot, at, lasts };
  // On idle topics absences are decided by the clock: a wrong one is not promised to be right.
  if (luck < 0.44 && spread !== "absences")
    return { kind: "clock", slot, at, by: random.pick([-60, -5, 5, 60]) * SECOND };
  if (luck < 0.5) return { kind: "registry", how: random.pick(["down", "refuses", "denies"] as const), at, lasts };
  if (luck < 0.55) return { kind: "reload", slot, change: random.pick(RULE_CHANGES), at };
  if (luck < 0.65) {
    const direction = random.pick(["requests", "answers"] as const);
    return { kind: "stall", slot, connection: random.pick(CONNECTIONS), direction, at, lasts };
  }
  const { call, made } = random.weighted(
    Array.from(calls, ([each, times]) => ({ call: each, made: times, weight: WEIGHTS[each] ?? 1 })),
  );
  return {
    kind: "call",
    call,
    nth: random.integer(0, made),
    times: random.chance(0.8) ? 1 : random.integer(2, 5),
    done: random.pick([false, true, "late"] as const),
    lateBy: random.integer(0, 5 * SECOND),
    after: random.pick([
      "answer lost",
      "answer lost",
      "answer lost",
      "killed",
      "killed",
      "frozen",
      "frozen",
      random.pick(RULE_CHANGES),
    ]),
  };
}

const REGISTRY_TEXTS = { down: "is down", refuses: "refuses to answer", denies: "denies the ids it knows" };

/** One line a person can read. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case "shuffle":
      return `everything ready moves in a shuffled order (${fault.seed})`;
    case "small fetches":
      return `a fetch returns at most ${fault.records} records`;
    case "kill":
    case "stop":
      return `${seconds(fault.at)} slot ${fault.slot}: ${fault.kind}; another starts ${seconds(fault.downFor)} later`;
    case "freeze":
      return `${seconds(fault.at)} slot ${fault.slot}: freeze for ${seconds(fault.lasts)}`;
    case "join":
      return `${seconds(fault.at)} one more joins, told to stop ${seconds(fault.lasts)} later`;
    case "outage": {
      const who = fault.slot === "all" ? "everybody" : `slot ${fault.slot}`;
      return `${seconds(fault.at)} ${who}: no call is done for ${seconds(fault.lasts)}`;
    }
    case "stall":
      return `${seconds(fault.at)} slot ${fault.slot}: ${fault.connection} ${fault.direction} wait for ${seconds(fault.lasts)}`;
    case "registry":
      return `${seconds(fault.at)} the registry ${REGISTRY_TEXTS[fault.how]} for ${seconds(fault.lasts)}`;
    case "clock":
      return `${seconds(fault.at)} slot ${fault.slot}: its clock is wrong by ${seconds(fault.by)}`;
    case "reload":
      return `${seconds(fault.at)} slot ${fault.slot}: its rules are ${fault.change}`;
    case "call": {
      const which =
        fault.times === 1 ? `${fault.call} #${fault.nth}` : `${fault.call} #${fault.nth} and ${fault.times - 1} more`;
      const done = fault.done === "late" ? `done ${seconds(fault.lateBy)} late` : fault.done ? "done" : "not done";
      return `${which}: ${done}, ${isRuleChange(fault.after) ? `rules are ${fault.after}` : fault.after}`;
    }
  }
}

export function isRuleChange(text: string): text is RuleChange {
  return (RULE_CHANGES as readonly string[]).includes(text);
}

/** All changes of rules among them. */
export function changesOf(faults: readonly Fault[]): RuleChange[] {
  return faults.flatMap((fault) => {
    if (fault.kind === "reload") return [fault.change];
    return fault.kind === "call" && isRuleChange(fault.after) ? [fault.after] : [];
  });
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}
