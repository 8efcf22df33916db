// The other side in a simulated world: enforcing services that answer commands, and people who decide on cases.
// What they say follows from what they read alone (its ids, the seed), however often and late they read it.
// Owns their delays; what Holdfast has to make of it is verdict.ts's.

import type { Command } from "../../core/output.ts";
import type { Duration } from "../../core/time.ts";
import { HOUR, SECOND } from "../../core/time.ts";
import { seededRandom } from "../exchange/random.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import type { ProcessorDriver } from "../processor-driver.ts";

export const ENDING: readonly string[] = ["RELEASE", "FALSE_POSITIVE"];

export class Desk {
  /** Cases that somebody decided to end. */
  readonly ended: Set<string> = new Set();
  /** Openings of breakers that somebody decided to end. */
  readonly closed: Set<string> = new Set();
  /** Ids of commands that a service answered. */
  readonly answered: Set<string> = new Set();
  readonly #driver: ProcessorDriver;
  readonly #seed: number;
  readonly #known = new Set<string>();
  readonly #read = new Map<number, number>();
  #waiting = 0;

  constructor(driver: ProcessorDriver, seed: number) {
    this.#driver = driver;
    this.#seed = seed;
    driver.broker.onGrowth((topic, partition) => {
      if (topic === DRIVER_TOPICS.commands) this.#readOn(partition);
      if (topic === DRIVER_TOPICS.detections) this.#closeBreakers();
    });
  }

  /** Something is going to be said. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  #readOn(partition: number): void {
    const from = this.#read.get(partition) ?? 0;
    for (const record of this.#driver.broker.records(DRIVER_TOPICS.commands, partition)) {
      if (record.offset < from) continue;
      this.#read.set(partition, record.offset + 1);
      const command = this.#driver.commandIn(record);
      if (!this.#known.has(command.commandId)) this.#hear(command);
      this.#known.add(command.commandId);
    }
  }

  #closeBreakers(): void {
    for (const { kind, caseId } of this.#driver.detections()) {
      if (kind !== "BREAKER_OPENED" || this.closed.has(caseId)) continue;
      this.closed.add(caseId);
      const accountId = decodeURIComponent(caseId.split("/")[0]!);
      const random = seededRandom(`desk ${this.#seed} ${caseId}`);
      const decision = { accountId, decisionId: random.hex(12), caseId, verdict: "RELEASE" as const };
      this.#after(random.integer(0, 3 * SECOND), () => this.#driver.decide(decision));
    }
  }

  #hear(command: Command): void {
    const { accountId, commandId, caseId, action } = command;
    if (action !== "HOLD" && action !== "FREEZE") return;
    const random = seededRandom(`desk ${this.#seed} ${commandId}`);
    const after = (most: Duration, say: () => void): void => this.#after(random.integer(0, most), say);
    if (random.chance(0.8)) {
      const status = random.chance(0.85) ? "APPLIED" : "REJECTED";
      this.answered.add(commandId);
      after(2 * SECOND, () => this.#driver.acknowledge({ accountId, commandId, status }));
    }
    if (!random.chance(0.5)) return;
    const verdict = random.pick(["RELEASE", "FALSE_POSITIVE", "EXTEND", "CONFIRMED_TAKEOVER"] as const);
    const until = ENDING.includes(verdict) ? null : command.issuedAt + 100 * HOUR;
    if (until === null) this.ended.add(caseId);
    const decision = { accountId, decisionId: random.hex(12), caseId, verdict, until };
    const times = random.chance(0.2) ? 2 : 1;
    for (let time = 0; time < times; time++) after(3 * SECOND, () => this.#driver.decide(decision));
  }

  #after(delay: Duration, say: () => void): void {
    const { clock } = this.#driver.broker;
    this.#waiting += 1;
    clock.alarm(clock.monotonic() + delay, () => {
      this.#waiting -= 1;
      say();
    });
  }
}
