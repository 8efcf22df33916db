// How many accounts stand at which stage of each rule's sequence: counted a few accounts at a time, in rounds,
// for a count at every change would burden every event and drift. A round tells of accounts as each was when
// it was looked at.

import type { Account } from "./account.ts";
import type { RuleTable, TableRow } from "./rule-table.ts";

/** Accounts that have seen `stage` of a rule's several steps, and not all. */
export interface SequenceCount {
  /** Rule id. */
  readonly rule: string;
  readonly stage: number;
  readonly accounts: number;
}

const NONE: readonly SequenceCount[] = [];
const LEAST_LOOKS = 2_000;
/** Calls within which a round is over, however many accounts there are. */
const CALLS = 60;

export class Census {
  #table: RuleTable | null = null;
  /** By row, by stage; null: its rule has no stages. */
  #tallies: (number[] | null)[] = [];
  #round: Iterator<Account> | null = null;
  #told: readonly SequenceCount[] = NONE;

  /** Goes on with the round. @returns what it counted, when it is over: every stage there is, and was before */
  count(accounts: { readonly size: number; values(): Iterable<Account> }, table: RuleTable): readonly SequenceCount[] {
    if (this.#round === null || this.#table !== table) {
      this.#table = table;
      this.#tallies = table.rows.map(emptyTally);
      this.#round = accounts.values()[Symbol.iterator]();
    }
    for (let looks = Math.max(LEAST_LOOKS, Math.ceil(accounts.size / CALLS)); looks > 0; looks--) {
      const next = this.#round.next();
      if (next.done === true) return this.#finish(table);
      if (next.value.memories.length > 0) this.#look(next.value, table);
    }
    return NONE;
  }

  #look({ memories }: Account, table: RuleTable): void {
    for (const { rule, matchHash, entries } of memories) {
      const row = table.row(rule);
      if (row === undefined || row.correlation.rule.matchHash !== matchHash) continue;
      const tally = this.#tallies[row.index];
      if (tally === null || tally === undefined) continue;
      let seen = 0;
      for (const { steps } of entries) seen |= steps;
      const stage = bitsIn(seen);
      if (stage > 0 && stage < tally.length) tally[stage]! += 1;
    }
  }

  #finish(table: RuleTable): readonly SequenceCount[] {
    this.#round = null;
    const counts = table.rows.flatMap(({ index, correlation }): SequenceCount[] =>
      (this.#tallies[index] ?? []).flatMap((accounts, stage) =>
        stage === 0 ? [] : [{ rule: correlation.rule.id, stage, accounts }],
      ),
    );
    const isCounted = ({ rule, stage }: SequenceCount): boolean =>
      counts.some((each) => each.rule === rule && each.stage === stage);
    const gone = this.#told.filter((before) => before.accounts > 0 && !isCounted(before));
    this.#told = counts;
    return [...counts, ...gone.map((before) => ({ ...before, accounts: 0 }))];
  }
}

/** Indexed by stage, 1 to one less than the rule's steps. */
function emptyTally({ correlation: { rule }, isOfAccount }: TableRow): number[] | null {
  const isSequence = rule.type === "temporal" || rule.type === "temporal_ordered";
  if (!isSequence || !isOfAccount || rule.inputs.length < 2) return null;
  return Array.from({ length: rule.inputs.length }, () => 0);
}

function bitsIn(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
