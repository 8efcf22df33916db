// Which member gets which tasks: the one pure decision of a rebalance. Every group implementation
// (Kafka's assigner, the memory broker) asks it, so both move tasks in the same way. Leaves the wire
// format of join metadata to the adapters.
//
// Invariants:
// G1 Every task has exactly one owner among the members.
// G2 Members' counts differ by at most one.
// G3 Of all assignments that satisfy G1 and G2, no other leaves more tasks where they are.
// G4 The answer depends on the set of members alone, not on the order they are listed in.

export interface AssignmentMember {
  readonly id: string;
  /** Tasks it holds already, as it says; unknown, doubled and out-of-range ones are ignored. */
  readonly owned: readonly number[];
  /**
   * The generation that gave it `owned`. Where two claim a task, the later one has it: a member that
   * was expelled and comes back still claims what others have taken over. Absent counts as oldest.
   */
  readonly generation?: number;
}

/**
 * Assigns tasks 0…tasks−1.
 * @returns ascending task numbers for every member; none for those left without
 */
export function assignTasks(options: {
  readonly members: readonly AssignmentMember[];
  readonly tasks: number;
}): Map<string, number[]> {
  // UTF-16 order, never the locale's: every leader must decide alike. (G4)
  const members = options.members.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const assigned = new Map<string, number[]>(members.map((member) => [member.id, []]));
  if (members.length === 0) return assigned;

  const ownerOf = claims(members, options.tasks);
  for (const [task, id] of ownerOf.entries()) if (id !== undefined) assigned.get(id)!.push(task);

  const free: number[] = [];
  for (const [task, id] of ownerOf.entries()) if (id === undefined) free.push(task);
  const quotas = shares(assigned, options.tasks);
  for (const [id, tasks] of assigned) free.push(...tasks.splice(quotas.get(id)!));
  free.sort((a, b) => b - a);
  for (const [id, tasks] of assigned) {
    while (tasks.length < quotas.get(id)!) tasks.push(free.pop()!);
    tasks.sort((a, b) => a - b);
  }
  return assigned;
}

/** The accepted claim on each task: the latest generation's, then the first member's. (G1) */
function claims(members: readonly AssignmentMember[], tasks: number): (string | undefined)[] {
  const owner = new Array<string | undefined>(tasks).fill(undefined);
  const since = new Array<number>(tasks).fill(-Infinity);
  for (const member of members) {
    const generation = member.generation ?? -1;
    for (const task of member.owned) {
      if (!(task in owner) || (owner[task] !== undefined && generation <= since[task]!)) continue;
      owner[task] = member.id;
      since[task] = generation;
    }
  }
  return owner;
}

/** How many each may hold; who holds most already keeps the odd one. (G2, G3) */
function shares(held: ReadonlyMap<string, readonly number[]>, tasks: number): Map<string, number> {
  const least = Math.floor(tasks / held.size);
  const odd = tasks % held.size;
  // toSorted is stable: among equals the order of ids decides.
  const byHeld = [...held].toSorted(([, a], [, b]) => b.length - a.length);
  return new Map(byHeld.map(([id], rank) => [id, least + (rank < odd ? 1 : 0)]));
}
