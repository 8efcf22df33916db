// The accounts of a partition: found by id, reported when changed or dropped, and kept within a number. Owns
// who is dropped when there is no room; what an account holds is account.ts's.
//
// Who goes is who was not heard of for longest, nearly: a hand goes round over the accounts in the order
// they came and takes the first one not heard of since it was there last. An exact order would cost every
// event a move in a list.
//
// Invariants:
//   AT1 an account with an open case is never dropped; one with a partial match only when too many of the
//       others have one, too
//   AT2 whatever was reported changed and is dropped later is reported removed
//   AT3 an account at rest, restored and not heard of since, is like any other to whoever asks for it; nothing of
//       it waits for time, so nobody has to come across it

import type { Account } from "./account.ts";
import { Finder } from "./finder.ts";
import type { ChangedGroup } from "./state.ts";

/** Accounts looked at for one to drop, each time a new one comes. */
const LOOKS = 64;
/** Above the limit by this factor, partial matches protect no more. */
const CROWDED = 1.125;

export class AccountTable {
  readonly #accounts = new Map<string, Account>();
  readonly #finder = new Finder<Account>();
  /** Those at rest, as the codec packs them: bytes cost a restore less time, and less memory, than what is in them. */
  readonly #resting = new Map<string, string>();
  readonly #restingHand: Hand<string> = new Hand(() => this.#resting.keys());
  readonly #wake: (id: string, resting: string) => Account;
  readonly #limit: number;
  readonly #onReplaced: (account: Account) => void;
  readonly #onDropped: (account: Account | null) => void;
  readonly #removed = new Set<string>();
  // oxlint-disable-next-line no-unused-private-class-members -- what is read into nothing is not read at all
  #read = 0;
  readonly #near: (Account | undefined)[] = [];
  #changed: Account[] = [];
  readonly #hand: Hand<Account> = new Hand(() => this.#accounts.values());

  /**
   * @param options.limit accounts kept, as far as AT1 allows
   * @param options.onReplaced told of one that is another object now, or none
   * @param options.onDropped told of one that had to go; null: it was at rest
   * @param options.wake makes the account that `rest` was given
   */
  constructor(options: {
    readonly limit: number;
    readonly onReplaced: (account: Account) => void;
    readonly onDropped: (account: Account | null) => void;
    readonly wake: (id: string, resting: string) => Account;
  }) {
    this.#limit = options.limit;
    this.#onReplaced = options.onReplaced;
    this.#onDropped = options.onDropped;
    this.#wake = options.wake;
  }

  get size(): number {
    return this.#accounts.size + this.#resting.size;
  }

  /** Those that are not at rest. */
  values(): Iterable<Account> {
    return this.#accounts.values();
  }

  /** The account, just heard of; undefined: it is not known. */
  hear(id: string): Account | undefined {
    const found = this.get(id);
    // Written only where it is new: a line of memory that was not written to need not be written back.
    if (found !== undefined && !found.heard) found.heard = true;
    return found;
  }

  /** Reads what `hear`, and the profile, will: of all these accounts together. */
  approach(ids: readonly string[]): void {
    const near = this.#near;
    this.#finder.guess(ids, near);
    let read = 0;
    for (let index = 0; index < ids.length; index++) read ^= near[index]?.routineFrom ?? 0;
    for (let index = 0; index < ids.length; index++) {
      const account = near[index];
      if (account !== undefined) read ^= account.seen.length + account.id.length + account.requests.length;
      near[index] = undefined;
    }
    this.#read ^= read;
  }

  get(id: string): Account | undefined {
    return this.#finder.find(id) ?? this.#accounts.get(id) ?? this.#woken(id);
  }

  /** AT3 */
  #woken(id: string): Account | undefined {
    const resting = this.#resting.get(id);
    if (resting === undefined) return undefined;
    this.#resting.delete(id);
    const account = this.#wake(id, resting);
    this.#set(account);
    return account;
  }

  /** What `rest` was given; undefined: the account is not at rest. */
  restingAs(id: string): string | undefined {
    return this.#resting.get(id);
  }

  /** A new account, in place of one that has to go when there is no room. */
  add(account: Account): void {
    // Two for one where there are too many: restored under a higher limit, or none could go for a while.
    for (let n = 0; n < 2 && this.size >= this.#limit; n++) this.#dropOne();
    this.#set(account);
    this.#removed.delete(account.id);
  }

  /** Restore: in place of the one of that id, whatever the room; null: it is none. */
  load(id: string, account: Account | null): void {
    this.#resting.delete(id);
    const before = this.#accounts.get(id);
    if (before !== undefined) {
      this.#finder.drop(before);
      this.#onReplaced(before);
    }
    if (account !== null) this.#set(account);
    else this.#accounts.delete(id);
  }

  /** Restore: as `load`, an account of which nothing waits for time. */
  rest(id: string, resting: string): void {
    if (this.#accounts.size > 0) this.load(id, null);
    this.#resting.set(id, resting);
  }

  markChanged(account: Account): void {
    if (account.changed) return;
    account.changed = true;
    this.#changed.push(account);
  }

  /** What changed or was dropped since the last call. */
  takeChanged(encode: (account: Account) => Uint8Array): ChangedGroup[] {
    const taken: ChangedGroup[] = [];
    for (const account of this.#changed) {
      if (this.#accounts.get(account.id) !== account) continue;
      account.changed = false;
      taken.push({ group: account.id, state: encode(account) });
    }
    for (const group of this.#removed) taken.push({ group, state: null }); // AT2
    this.#changed = [];
    this.#removed.clear();
    return taken;
  }

  #set(account: Account): void {
    this.#accounts.set(account.id, account);
    this.#finder.keep(account);
  }

  #dropOne(): void {
    const resting = this.#restingHand.next();
    if (resting !== undefined) return this.#dropResting(resting);
    const crowded = this.#accounts.size >= this.#limit * CROWDED;
    for (let look = 0; look < LOOKS; look++) {
      const account = this.#hand.next();
      if (account === undefined) return;
      if (account.heard) account.heard = false;
      else if (isIdle(account, crowded)) return this.#drop(account);
    }
  }

  /** Nobody was not heard of for longer. */
  #dropResting(id: string): void {
    this.#resting.delete(id);
    this.#removed.add(id);
    this.#onDropped(null);
  }

  #drop(account: Account): void {
    this.#accounts.delete(account.id);
    this.#finder.drop(account);
    this.#removed.add(account.id);
    this.#onDropped(account);
  }
}

/** Goes round over a map, again and again: from the beginning each time it would pass all that have gone. */
class Hand<T> {
  readonly #begin: () => Iterator<T>;
  #at: Iterator<T>;

  constructor(begin: () => Iterator<T>) {
    this.#begin = begin;
    this.#at = begin();
  }

  /** undefined: there is nothing. */
  next(): T | undefined {
    const next = this.#at.next();
    if (next.done !== true) return next.value;
    this.#at = this.#begin();
    const first = this.#at.next();
    return first.done === true ? undefined : first.value;
  }
}

/** AT1 */
function isIdle(account: Account, crowded: boolean): boolean {
  if (crowded) return account.cases.every(({ closed }) => closed);
  return account.cases.length === 0 && account.memories.length === 0;
}
