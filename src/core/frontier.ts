// The event-time frontier of a task: how far event time has certainly come. Each service has its own, the
// highest min(occurredAt, record timestamp) seen, so that neither a producer's fast clock nor a replayed
// topic's fresh timestamps push it ahead. Owns these numbers; leaves to the runtime when a service is idle.
//
// Invariants:
//   EF1 the task's frontier is the lowest among services that are not idle; when all are, the highest
//   EF2 it never goes back, whatever arrives or wakes up
//   EF3 a service without an event holds it at 0 until it is said to be idle

import type { Instant } from "./time.ts";

export class Frontier {
  readonly #services: readonly string[];
  readonly #highest: Instant[];
  readonly #idle: boolean[];
  #task: Instant = 0;

  /** @param services one frontier each; a service not listed shares the first one's (`["all"]`: one for everything) */
  constructor(services: readonly string[]) {
    if (services.length === 0) throw new Error("a frontier needs at least one service");
    this.#services = services;
    this.#highest = services.map(() => 0); // EF3
    this.#idle = services.map(() => false);
  }

  /** Takes one event into account; its service is no longer idle. */
  observe(service: string, occurredAt: Instant, recordTimestamp: Instant): void {
    const slot = this.#slot(service);
    const seen = occurredAt < recordTimestamp ? occurredAt : recordTimestamp;
    const advanced = seen > this.#highest[slot]!;
    if (!advanced && !this.#idle[slot]) return;
    if (advanced) this.#highest[slot] = seen;
    this.#idle[slot] = false;
    this.#recompute();
  }

  /** A service read to its end takes no part until its next event (or until it is said to be busy). */
  setIdle(service: string, idle: boolean): void {
    this.#idle[this.#slot(service)] = idle;
    this.#recompute();
  }

  /** Every service is read to its end. */
  get isIdle(): boolean {
    return this.#idle.every(Boolean);
  }

  /** As if every service had been read up to `to`: the end of a replay. */
  advance(to: Instant): void {
    if (to > this.#task) this.#task = to;
  }

  /** The task's frontier; 0 while nothing is known. */
  get now(): Instant {
    return this.#task;
  }

  /** What must be kept: each service's own frontier. */
  services(): Record<string, Instant> {
    return Object.fromEntries(this.#services.map((service, slot) => [service, this.#highest[slot]!]));
  }

  /** Takes up what `services()` and `now` said earlier; services no longer read are left out. */
  load(services: Readonly<Record<string, Instant>>, task: Instant): void {
    for (const [slot, service] of this.#services.entries()) {
      const kept = Object.hasOwn(services, service) ? services[service]! : 0;
      if (kept > this.#highest[slot]!) this.#highest[slot] = kept;
    }
    this.advance(task);
    this.#recompute();
  }

  #slot(service: string): number {
    const slot = this.#services.indexOf(service);
    return slot < 0 ? 0 : slot;
  }

  #recompute(): void {
    let lowest = Infinity;
    let highest = 0;
    for (let slot = 0; slot < this.#highest.length; slot++) {
      const seen = this.#highest[slot]!;
      if (seen > highest) highest = seen;
      if (!this.#idle[slot] && seen < lowest) lowest = seen;
    }
    this.advance(lowest === Infinity ? highest : lowest); // EF1, EF2
  }
}
