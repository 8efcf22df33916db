// What a test of the broker contract lives in: a world of topics and a group of its own, and members that
// keep all they are told. Opening a broker, letting time pass and an operator's work are each adapter's.

import assert from "node:assert/strict";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type {
  Assignment,
  Clock,
  Group,
  GroupListener,
  Logs,
  OutRecord,
  Producer,
  RecordBatch,
} from "../../src/runtime/ports.ts";

export interface ContractWorld {
  /** Topics of its own, two partitions each, empty at the beginning. */
  readonly topics: readonly [string, string];
  readonly clock: Clock;
  readonly producer: Producer;
  readonly logs: Logs;
  /** A member-to-be of the world's one group, over both topics. */
  group(): Group;
  /** Lets the world go on until `holds`; fails with `what` after a deadline. */
  until(holds: () => boolean, what: string): Promise<void>;
  /** Takes a member out of the group without its knowing. */
  expel(member: string): Promise<void>;
  /** Drops records below `offset` (DeleteRecords). */
  deleteBefore(topic: string, partition: number, offset: number): Promise<void>;
  /** Makes an offset that no reader sees, as the end of a transaction does. */
  appendControl(topic: string, partition: number): Promise<void>;
  /** Deletes a topic and creates another one of its name. */
  createAnew(topic: string): Promise<void>;
  close(): Promise<void>;
}

type Seen =
  | { readonly call: "suspend"; readonly generation: number }
  | { readonly call: "assigned"; readonly assignment: Assignment; readonly generation: number }
  | { readonly call: "batch"; readonly batch: RecordBatch }
  | { readonly call: "failure"; readonly failure: BrokerFailure };

/** A group that is listened to, and everything it has said. */
export class Member {
  readonly group: Group;
  readonly seen: Seen[] = [];
  /** What to do in onAssigned; a test sets it before start. */
  onAssigned: (assignment: Assignment) => void = () => {};
  onBatch: (batch: RecordBatch) => void = () => {};

  constructor(group: Group) {
    this.group = group;
  }

  listener(): GroupListener {
    return {
      onSuspend: () => this.seen.push({ call: "suspend", generation: this.group.generation() }),
      onAssigned: (assignment) => {
        this.seen.push({ call: "assigned", assignment, generation: this.group.generation() });
        this.onAssigned(assignment);
      },
      onBatch: (batch) => {
        this.seen.push({ call: "batch", batch });
        this.onBatch(batch);
      },
      onFailure: (failure) => this.seen.push({ call: "failure", failure }),
    };
  }

  assignments(): Assignment[] {
    return this.seen.flatMap((seen) => (seen.call === "assigned" ? [seen.assignment] : []));
  }

  assignment(): Assignment {
    const latest = this.assignments().at(-1);
    assert.ok(latest, "no assignment yet");
    return latest;
  }

  tasks(): readonly number[] {
    return this.assignments().at(-1)?.tasks ?? [];
  }

  batches(topic: string, partition: number): RecordBatch[] {
    const all = this.seen.flatMap((seen) => (seen.call === "batch" ? [seen.batch] : []));
    return all.filter((batch) => batch.topic === topic && batch.partition === partition);
  }

  /** Values of all records delivered of a partition, in order of delivery. */
  values(topic: string, partition: number): string[] {
    return this.batches(topic, partition).flatMap((batch) =>
      Array.from({ length: batch.length }, (_, index) => String(batch.valueAt(index))),
    );
  }

  /** Fetches a partition from `offset` on. */
  read(topic: string, partition: number, offset: number): void {
    this.group.seek(topic, partition, offset);
    this.group.resume(topic, partition);
  }
}

/** One sentence of the ports and its test, in a world of its own. `join` waits until the member has so many tasks. */
export type Law = (
  sentence: string,
  body: (world: ContractWorld, join: (tasks: number) => Promise<Member>) => Promise<void>,
) => void;

export function record(value: string): OutRecord {
  return { key: Buffer.from("k"), value: Buffer.from(value), headers: {} };
}

export const numbered: (from: number, to: number) => OutRecord[] = (from: number, to: number): OutRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(String(from + index)));
export const numbers: (from: number, to: number) => string[] = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

/** Waits for a promise while the world goes on. */
export async function finish<T>(world: ContractWorld, promise: Promise<T>): Promise<T> {
  let over = false;
  const ended = promise.finally(() => (over = true));
  ended.catch(() => {});
  await world.until(() => over, "a call is answered");
  return ended;
}

export async function failureOf(world: ContractWorld, promise: Promise<unknown>): Promise<BrokerFailure> {
  const error = await finish(world, promise).then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BrokerFailure, String(error));
  return error;
}
