// The correlations of one account: what they hear, what time decides for them, and how the matches of one
// feed those over it. Leaves to the partition what a match of a rule that opens cases means, and how facts get
// to the groups that are no accounts.

import { type Account, rowOf } from "./account.ts";
import type { Match } from "./correlation/correlation.ts";
import { CarriedFields, type Fields, valuesFor } from "./correlation/reads.ts";
import { type Entry, entryFor } from "./entry.ts";
import type { RuleTable, TableRow } from "./rule-table.ts";
import { factsOf } from "./signal-facts.ts";
import type { Signal } from "./signal.ts";
import type { Instant } from "./time.ts";

/** The frontier something happens at, and the wall clock. */
export interface When {
  readonly frontier: Instant;
  readonly now: Instant;
}

/** An event, or the last one of a match, that serves inputs of a correlation. */
export interface Heard extends When {
  readonly seen: Entry;
  /** Bits of the inputs it serves. */
  readonly steps: number;
  readonly fields: Fields;
}

export class Cascade {
  readonly #table: RuleTable;
  readonly #onMatch: (account: Account, row: TableRow, found: When & { readonly match: Match }) => void;
  readonly #onDropped: (entries: number) => void;
  readonly #onFacts: (facts: readonly Signal[]) => void;

  /**
   * @param options.onMatch told of each match of a rule that opens cases
   * @param options.onFacts told what groups that live elsewhere have to hear
   * @param options.onDropped told how many entries went because their rule means something else now
   */
  constructor(
    table: RuleTable,
    options: {
      readonly onMatch: (account: Account, row: TableRow, found: When & { readonly match: Match }) => void;
      readonly onDropped: (entries: number) => void;
      readonly onFacts: (facts: readonly Signal[]) => void;
    },
  ) {
    this.#table = table;
    this.#onMatch = options.onMatch;
    this.#onDropped = options.onDropped;
    this.#onFacts = options.onFacts;
  }

  hear(account: Account, row: TableRow, heard: Heard): void {
    if (!row.isOfAccount) {
      const facts = factsOf(row, { ...heard, accountId: account.id });
      if (facts.length > 0) this.#onFacts(facts);
      return;
    }
    const memory = account.memoryFor(row, this.#onDropped);
    const entry = entryFor(heard.seen, heard.steps, valuesFor(row.reads, heard.steps, heard.fields));
    const matches = row.correlation.apply(memory, entry, heard.frontier);
    for (const match of matches) this.#report(account, row, { match, frontier: heard.frontier, now: heard.now });
  }

  /**
   * What time alone has decided up to `until`: as if it had passed step by step, however far it has come at
   * once, and inputs before the correlations over them.
   */
  decide(account: Account, by: { readonly until: Instant; readonly now: Instant }): void {
    const table = this.#table;
    for (let at = account.decidesAt(table); at !== undefined && at <= by.until; at = account.decidesAt(table)) {
      for (const row of table.rows) {
        const memory = account.memories.find((each) => rowOf(table, each) === row);
        if (memory === undefined) continue;
        const matches = row.correlation.decide(memory, at);
        for (const match of matches) this.#report(account, row, { match, frontier: at, now: by.now });
      }
    }
  }

  /** The correlations over a rule are further down the table. */
  #report(account: Account, row: TableRow, found: When & { readonly match: Match }): void {
    if (row.isJudged) this.#onMatch(account, row, found);
    const { uses } = row;
    if (uses.length === 0) return;
    const { match, frontier, now } = found;
    const seen = match.entries.at(-1)!;
    const fields = new CarriedFields(seen, row.reads.carries);
    for (let use = 0; use < uses.length; use += 2) {
      this.hear(account, this.#table.rows[uses[use]!]!, { seen, steps: uses[use + 1]!, fields, frontier, now });
    }
  }
}
