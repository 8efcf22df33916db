// The broker's side of one consumer group: members, generations, assignments, committed offsets. Owns who
// is in and what a commit is worth; the members' side is group.ts.
//
//   stable g ──join, leave, expiry──► preparing ──everybody joined, or time is up──► stable g+1
//
// As Kafka's coordinator it accepts a commit of the current generation while a rejoin is being prepared,
// and does not ask who owns a partition: only the generation fences.
//
// Invariants:
//   B7  A commit counts when its member is in the group and its generation is the group's; else nothing
//       of it does.
//   B8  A member not heard of for its session time-out is out, and so is one that misses a rejoin.

import type { CommitEntry, CommitOutcome, CommittedOffset } from "../../runtime/ports.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import { assignTasks } from "../../runtime/assignment.ts";
import { METADATA_BYTES } from "../../runtime/checkpoint.ts";
import type { ManualClock } from "./clock.ts";

export interface JoinRequest {
  /** "" for a newcomer. */
  readonly member: string;
  readonly process: string;
  /** Tasks held since the member's last assignment, and the generation that gave them. */
  readonly owned: readonly number[];
  readonly generation: number;
  readonly tasks: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

interface Member {
  readonly id: string;
  request: JoinRequest;
  /** Set while it waits for the others to join. */
  joined: ((answer: { member: string; generation: number }) => void) | null;
  assigned: readonly number[];
  cancelExpiry: () => void;
}

export class Coordinator {
  readonly #clock: ManualClock;
  readonly #members = new Map<string, Member>();
  readonly #offsets = new Map<string, CommittedOffset>();
  #generation = 0;
  #preparing = false;
  #cancelDeadline: () => void = () => {};
  #named = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Resolves when the new generation begins. */
  join(request: JoinRequest): Promise<{ member: string; generation: number }> {
    if (request.member !== "" && !this.#members.has(request.member)) throw unknownMember(request.member);
    return new Promise((joined) => {
      const id = request.member || `${request.process}-${(this.#named += 1)}`;
      this.#members.get(id)?.cancelExpiry();
      this.#members.set(id, { id, request, joined, assigned: [], cancelExpiry: () => {} });
      this.#prepare();
      this.#completeWhenAllJoined();
    });
  }

  /** @returns the member's tasks in its generation */
  sync(id: string, generation: number): readonly number[] {
    const member = this.#current(id, generation);
    if (this.#preparing) throw rejoin("REBALANCE_IN_PROGRESS");
    return member.assigned;
  }

  heartbeat(id: string, generation: number): void {
    const member = this.#current(id, generation);
    this.#expect(member);
    if (this.#preparing) throw rejoin("REBALANCE_IN_PROGRESS");
  }

  leave(id: string): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#remove(member);
  }

  /** B7 @throws BrokerFailure: the other entries are committed */
  commit(id: string, generation: number, entries: readonly CommitEntry[]): CommitOutcome {
    const member = this.#members.get(id);
    if (member === undefined || generation !== this.#generation) return "rejected";
    this.#expect(member);
    const accepted = entries.filter((entry) => Buffer.byteLength(entry.metadata) <= METADATA_BYTES);
    for (const entry of accepted) this.#offsets.set(`${entry.topic}/${entry.partition}`, { ...entry });
    if (accepted.length === entries.length) return "committed";
    const message = `the metadata of an offset have more than ${METADATA_BYTES} bytes`;
    throw new BrokerFailure(message, { disposition: "halt", code: "OFFSET_METADATA_TOO_LARGE" });
  }

  committed(pairs: readonly { topic: string; partition: number }[]): CommittedOffset[] {
    return pairs.map(
      ({ topic, partition }) =>
        this.#offsets.get(`${topic}/${partition}`) ?? { topic, partition, offset: -1, metadata: "" },
    );
  }

  /** Forgets every commit, as an operator's reset or an expiry of a stopped group's offsets does. */
  forgetOffsets(): void {
    this.#offsets.clear();
  }

  #current(id: string, generation: number): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw unknownMember(id);
    if (generation !== this.#generation) throw rejoin("ILLEGAL_GENERATION");
    return member;
  }

  #prepare(): void {
    if (this.#preparing) return;
    this.#preparing = true;
    const timeouts = [...this.#members.values()].map((member) => member.request.rebalanceTimeoutMs);
    this.#cancelDeadline = this.#clock.alarm(this.#clock.monotonic() + Math.max(...timeouts), () => this.#complete());
  }

  #completeWhenAllJoined(): void {
    for (const member of this.#members.values()) if (member.joined === null) return;
    this.#complete();
  }

  #complete(): void {
    this.#cancelDeadline();
    for (const member of this.#members.values()) {
      if (member.joined !== null) continue;
      member.cancelExpiry();
      this.#members.delete(member.id); // B8
    }
    this.#preparing = false;
    this.#generation += 1;
    const joined = [...this.#members.values()];
    const assigned = assignTasks({
      members: joined.map(({ id, request }) => ({ id, owned: request.owned, generation: request.generation })),
      tasks: joined[0]?.request.tasks ?? 0,
    });
    for (const member of joined) {
      member.assigned = assigned.get(member.id)!;
      member.joined!({ member: member.id, generation: this.#generation });
      member.joined = null;
      this.#expect(member);
    }
  }

  /** B8: from now on the member has its session time-out to be heard of again. */
  #expect(member: Member): void {
    member.cancelExpiry();
    const at = this.#clock.monotonic() + member.request.sessionTimeoutMs;
    member.cancelExpiry = this.#clock.alarm(at, () => {
      if (member.joined === null) this.#remove(member);
    });
  }

  #remove(member: Member): void {
    member.cancelExpiry();
    this.#members.delete(member.id);
    if (this.#members.size > 0) this.#prepare();
    this.#completeWhenAllJoined();
  }
}

function unknownMember(id: string): BrokerFailure {
  return new BrokerFailure(`the group has no member ${id}`, { disposition: "rejoin", code: "UNKNOWN_MEMBER_ID" });
}

function rejoin(code: string): BrokerFailure {
  return new BrokerFailure(`the group's generation moved on: ${code}`, { disposition: "rejoin", code });
}
