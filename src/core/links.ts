// All groups of one partition that belong to something else than an account: a device, a network, a
// destination. They hear facts, which come from the partitions where the accounts live, and what they find goes
// back to each of these accounts as a link. Owns these groups, their time and their state; leaves one group to
// link-group.ts.
//
//   account's partition ── FACT ──► group's partition ── LINKED ──► partition of each account
//
// Rejected: grouping where the accounts live and adding up, which finds nothing that two partitions share.
//
// Invariants:
//   LK1 what a group finds depends on its own facts and the frontier only (L4)
//   LK2 facts for another meaning of the rule, or for a rule that is not loaded, say nothing and are counted
//   LK3 no group's state has an account's key (which does not begin with NUL: validation.ts)
//   LK4 groups are bounded: of too many the one not heard of for longest goes, unless its case is open

import { CarriedFields } from "./correlation/reads.ts";
import { type Match, newMemory } from "./correlation/correlation.ts";
import { type LinkEntry, LinkGroup } from "./link-group.ts";
import type { Outputs } from "./output.ts";
import type { RuleTable, TableRow } from "./rule-table.ts";
import { type FactBody, groupKey, linkId, type Signal } from "./signal.ts";
import { factsOf } from "./signal-facts.ts";
import type { ChangedGroup, StateCodec } from "./state.ts";
import type { Instant } from "./time.ts";
import { WakeQueue } from "./wake-queue.ts";

/** Encoded bytes of one group. */
const STATE_LIMIT = 65_536;

/** Groups kept. */
const MOST_GROUPS = 100_000;
/** Groups looked at for one to drop. */
const LOOKS = 64;

/** LK3: before the keys of groups in the state log. */
const MARK = "\u0000";

export interface LinksOptions {
  readonly table: RuleTable;
  readonly codec: Pick<StateCodec, "encodeLink" | "decodeLink">;
  readonly emit: (outputs: Outputs) => void;
  readonly onEvicted: (reason: "rule" | "size" | "cases" | "groups", count: number) => void;
  /** Default MOST_GROUPS. */
  readonly limit?: number;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #groups = new Map<string, LinkGroup>();
  /** By the frontier at which cases close and facts are released. */
  readonly #waking = new WakeQueue<LinkGroup>();
  /** By the frontier, or the clock, at which an absence is decided. */
  readonly #waiting = new WakeQueue<LinkGroup>();
  /** Keys of groups whose encoded state differs from what was last taken. */
  readonly #changed = new Set<string>();
  #table: RuleTable;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#table = options.table;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Takes a fact; what it completes is emitted before it returns. The same fact again changes nothing. */
  hear(signal: Signal, frontier: Instant): void {
    const row = this.#table.row(signal.ruleId);
    if (!isFact(signal) || row?.isOfAccount !== false || signal.fact.matchHash !== row.correlation.rule.matchHash) {
      return this.#options.onEvicted("rule", 1); // LK2
    }
    const group = this.#group(row, signal);
    if (group === undefined) return;
    this.#decide(group, row, frontier); // CR5
    const before = group.memory.entries.length;
    const matches = group.hear(row, signal, frontier);
    if (before === 0 && group.isEmpty) return void this.#groups.delete(group.key); // too late to be kept
    this.#report(group, row, matches);
    this.#touch(group, row);
  }

  #group(row: TableRow, signal: Signal): LinkGroup | undefined {
    const { rule } = row.correlation;
    const group: Record<string, string> = {};
    for (const name of rule.groupBy) {
      const value = signal.group[name];
      if (value === undefined) return undefined;
      group[name] = value;
    }
    const key = groupKey(rule.id, Object.values(group));
    const known = this.#groups.get(key);
    if (known !== undefined) {
      this.#groups.delete(key); // to the end: just heard of
      this.#groups.set(key, known);
      return known;
    }
    if (this.#groups.size >= (this.#options.limit ?? MOST_GROUPS)) this.#dropOne();
    const made = new LinkGroup(rule.id, group, newMemory(rule));
    this.#groups.set(key, made);
    return made;
  }

  /** LK4 */
  #dropOne(): void {
    let looks = LOOKS;
    for (const [key, { cases }] of this.#groups) {
      if (cases.every(({ closed }) => closed)) {
        this.#groups.delete(key);
        this.#changed.add(key);
        return this.#options.onEvicted("groups", 1);
      }
      if (--looks === 0) return;
    }
  }

  #decide(group: LinkGroup, row: TableRow, until: Instant): void {
    const { correlation } = row;
    const next = (): Instant | undefined => correlation.decidesAt(group.memory);
    for (let at = next(); at !== undefined && at <= until; at = next()) {
      this.#report(group, row, correlation.decide(group.memory, at));
    }
  }

  /** The rule's own case and links; facts for the correlations over it. */
  #report(group: LinkGroup, row: TableRow, matches: readonly Match[]): void {
    const signals: Signal[] = [];
    for (const match of matches) {
      const seen = match.entries.at(-1) as LinkEntry;
      const fields = new CarriedFields(seen, row.reads.carries);
      for (let use = 0; use < row.uses.length; use += 2) {
        const over = this.#table.rows[row.uses[use]!]!;
        if (over.isOfAccount) continue;
        signals.push(...factsOf(over, { seen, steps: row.uses[use + 1]!, fields, accountId: seen.accountId }));
      }
    }
    const detections = row.isJudged
      ? matches.flatMap((match) => group.judge(row, match, () => this.#options.onEvicted("cases", 1)))
      : [];
    if (row.isJudged) signals.push(...linksOf(group, row));
    if (signals.length > 0 || detections.length > 0) this.#options.emit({ commands: [], detections, signals });
  }

  /** All that time alone decides; absences by `clock`, which is ahead where every topic is idle. */
  tick(frontier: Instant, clock: Instant): void {
    const waiting = this.#waiting;
    const waking = this.#waking;
    for (let group = waiting.take(clock); group !== undefined; group = waiting.take(clock)) {
      const row = this.#table.row(group.ruleId);
      if (row === undefined || this.#groups.get(group.key) !== group) continue;
      this.#decide(group, row, clock);
      this.#touch(group, row);
    }
    for (let group = waking.take(frontier); group !== undefined; group = waking.take(frontier)) {
      if (this.#groups.get(group.key) !== group) continue;
      const row = this.#table.row(group.ruleId);
      const detections = group.pass(row, frontier);
      if (detections.length > 0) this.#options.emit({ commands: [], detections, signals: [] });
      this.#touch(group, row);
    }
  }

  wakeAt(): Instant | undefined {
    return earlier(this.#waking.next(), this.#waiting.next());
  }

  clockAt(): Instant | undefined {
    return this.#waiting.next();
  }

  /** Goes on with another rule set (L8). */
  replaceTable(table: RuleTable): void {
    this.#table = table;
    for (const group of this.#groups.values()) this.#dropChanged(group, table.row(group.ruleId));
  }

  /** Groups whose encoded state changed since the last call, encoded now; those that are over as tombstones. */
  takeChanged(): ChangedGroup[] {
    const changed = Array.from(this.#changed, (key) => ({ group: MARK + key, state: this.encode(MARK + key) }));
    this.#changed.clear();
    return changed;
  }

  /** The group as it is now; null: there is none. */
  encode(marked: string): Uint8Array | null {
    const group = this.#groups.get(marked.slice(MARK.length));
    if (group === undefined) return null;
    const { codec, onEvicted } = this.#options;
    const state = codec.encodeLink(group.state());
    if (state.length <= STATE_LIMIT) return state;
    onEvicted("size", group.shrink());
    return codec.encodeLink(group.state());
  }

  /** Restore: a group's latest state; null: it is over. */
  load(marked: string, state: Uint8Array | null): void {
    this.#groups.delete(marked.slice(MARK.length));
    if (state === null) return;
    const group = LinkGroup.restored(this.#options.codec.decodeLink(state));
    this.#groups.set(group.key, group);
    this.#dropChanged(group, this.#table.row(group.ruleId));
  }

  #dropChanged(group: LinkGroup, row: TableRow | undefined): void {
    const dropped = row === undefined ? 0 : group.dropChanged(row.correlation.rule);
    this.#options.onEvicted("rule", dropped);
    if (dropped > 0) this.#touch(group, row);
    else this.#schedule(group, row);
  }

  /** LG3 */
  #touch(group: LinkGroup, row: TableRow | undefined): void {
    if (group.isEmpty) this.#groups.delete(group.key);
    else this.#schedule(group, row);
    this.#changed.add(group.key);
  }

  #schedule(group: LinkGroup, row: TableRow | undefined): void {
    const wakeAt = group.wakeAt(row);
    if (wakeAt !== undefined) this.#waking.schedule(group, wakeAt);
    const decidesAt = row?.correlation.decidesAt(group.memory);
    if (decidesAt !== undefined) this.#waiting.schedule(group, decidesAt);
  }
}

/** LK3: whether the key of a state is a group's, not an account's. */
export function isLinkKey(key: string): boolean {
  return key.startsWith(MARK);
}

function linksOf(group: LinkGroup, row: TableRow): Signal[] {
  const { rule } = row.correlation;
  const shared = Object.entries(group.group).map(([field, value]) => `${field}=${value}`);
  return group.link(rule).flatMap(({ by, accounts, count }) =>
    accounts.map((accountId): Signal => ({
      eventId: linkId(group.key, accountId, group.firstFactOf(accountId)),
      type: "LINKED",
      occurredAt: by.occurredAt,
      ruleId: rule.id,
      group: group.group,
      accountId,
      linkedBy: shared.join(" "),
      linkedCount: count,
      linkRule: rule.name ?? rule.id,
      fact: null,
    })),
  );
}

function isFact(signal: Signal): signal is Signal & { readonly fact: FactBody } {
  return signal.type === "FACT" && signal.fact !== null;
}

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
