// Whether this process may still act for a task. Owns the fence (T5 of the checkpoint protocol); every
// apply, tick, send and commit asks here first.
//
//   join ──── generation g ────────────── rejoin starts ── lost for ever
//     held while the last heartbeat is younger than half the session time-out; otherwise lapsed
//
// Invariants:
//   O1  Once the generation moved on, an ownership is lost and never held again.
//   O2  Nothing starts under a lapsed lease: after a long pause another owner may be at work.

import type { Assignment, Clock, Group } from "./ports.ts";

/** Thrown to unwind an asynchronous step of a task that is no longer ours. Not a failure. */
export class OwnershipLost extends Error {
  constructor() {
    super("the task belongs to another generation");
    this.name = "OwnershipLost";
  }
}

const LEASE_POLL_MS = 20;

export class Ownership {
  readonly assignment: Assignment;
  readonly #group: Group;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #revoked = false;

  /** @param options.sessionTimeoutMs the lease is half of it */
  constructor(assignment: Assignment, options: { group: Group; clock: Clock; sessionTimeoutMs: number }) {
    this.assignment = assignment;
    this.#group = options.group;
    this.#clock = options.clock;
    this.#leaseMs = options.sessionTimeoutMs / 2;
  }

  revoke(): void {
    this.#revoked = true;
  }

  // O1
  lost(): boolean {
    if (!this.#revoked && this.#group.generation() !== this.assignment.generation) this.#revoked = true;
    return this.#revoked;
  }

  // O2
  held(): boolean {
    return !this.lost() && this.#clock.monotonic() - this.#group.lastHeartbeatAt() < this.#leaseMs;
  }

  /** Resolves when held. @throws OwnershipLost */
  async whenHeld(): Promise<void> {
    while (!this.held()) {
      this.assertNotLost();
      await this.#clock.sleep(LEASE_POLL_MS);
    }
  }

  /** To be called after every await. @throws OwnershipLost */
  assertNotLost(): void {
    if (this.lost()) throw new OwnershipLost();
  }
}
