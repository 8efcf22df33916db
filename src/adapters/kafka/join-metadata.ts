// What a member says when it joins, and what the leader answers: the co-partitioned sticky assignor's wire
// format. Task p is partition p of every topic; who gets which task is runtime/assignment.ts's decision.
//
// Invariants:
//   A1  Every assigned partition set is whole tasks: partition p of all topics, or of none.
//   A2  A member that does not read the full set of topics gets nothing.

import { assignTasks } from "../../runtime/assignment.ts";
import { kafkajs } from "./kafkajs.ts";
import type { JoinedGroup } from "./kafkajs.ts";

export const PROTOCOL_NAME = "holdfast-copartitioned-sticky";
const VERSION = 1;

/** Tasks a member holds since its last assignment, and the generation that gave them. */
export interface OwnedTasks {
  readonly generation: number;
  readonly tasks: readonly number[];
}

export function encodeJoin(topics: readonly string[], owned: OwnedTasks): Buffer {
  const userData = Buffer.alloc(8 + owned.tasks.length * 4);
  userData.writeInt32BE(VERSION, 0);
  userData.writeInt32BE(owned.generation, 4);
  for (const [index, task] of owned.tasks.entries()) userData.writeInt32BE(task, 8 + index * 4);
  return kafkajs.MemberMetadata.encode({ version: 0, topics, userData });
}

/** Owned tasks of another version, or cut off, count as none: that costs a restore, no more. */
function decodeOwned(userData: Buffer | null): OwnedTasks {
  if (userData === null || userData.length < 8 || userData.readInt32BE(0) !== VERSION)
    return { generation: -1, tasks: [] };
  const tasks: number[] = [];
  for (let at = 8; at + 4 <= userData.length; at += 4) tasks.push(userData.readInt32BE(at));
  return { generation: userData.readInt32BE(4), tasks };
}

/**
 * The leader's part.
 * @param tasks how many there are
 * @returns one encoded assignment for every member
 */
export function assignMembers(
  members: JoinedGroup["members"],
  tasks: number,
): { memberId: string; memberAssignment: Buffer }[] {
  const readers = members.map(({ memberId, memberMetadata }) => {
    const { topics, userData } = kafkajs.MemberMetadata.decode(memberMetadata);
    return { id: memberId, topics: topics.toSorted(), ...decodeOwned(userData) };
  });
  const full = fullSet(readers.map(({ topics }) => topics));
  // A2
  const eligible = readers.filter(({ topics }) => topics.join() === full.join());
  const assigned = assignTasks({
    members: eligible.map(({ id, generation, tasks: owned }) => ({ id, owned, generation })),
    tasks,
  });
  return readers.map(({ id }) => {
    const owned = assigned.get(id) ?? [];
    // A1
    const assignment = Object.fromEntries(owned.length === 0 ? [] : full.map((topic) => [topic, owned]));
    return { memberId: id, memberAssignment: kafkajs.MemberAssignment.encode({ version: 0, assignment }) };
  });
}

/**
 * The most topics any member reads; of several such sets the one most members read, then the first by
 * name: while a release that reads one topic more is rolled out, the new members take over.
 */
function fullSet(sets: readonly (readonly string[])[]): readonly string[] {
  const readers = new Map<string, { topics: readonly string[]; members: number }>();
  for (const topics of sets) {
    const key = topics.join();
    readers.set(key, { topics, members: (readers.get(key)?.members ?? 0) + 1 });
  }
  const ranked = [...readers].toSorted(
    ([nameA, a], [nameB, b]) => b.topics.length - a.topics.length || b.members - a.members || (nameA < nameB ? -1 : 1),
  );
  return ranked[0]?.[1].topics ?? [];
}

/** @returns the tasks of this member's encoded assignment, ascending */
export function decodeAssignment(bytes: Buffer): number[] {
  const assignment = kafkajs.MemberAssignment.decode(bytes)?.assignment ?? {};
  const [first = []] = Object.values(assignment);
  return first.toSorted((a, b) => a - b);
}
