// Where in the state log each group's latest state lies: the queue behind the rolling base (T6). Owns the
// order of last writes, the sizes, and which groups are written again so that the base can advance; what
// is written, and when, is the checkpointer's.
//
//   offset     10    11    12    13    14    15
//   block     a b    c     a    b d   †c     a          latest: b d at 13, †c at 14, a at 15
//   latest     · ·    ·     ·    b d   †c     a          base 13; 10 to 12 may be deleted
//
// Groups in order of their last write are a queue; the block of its head is the base. Whatever is written
// again goes to the tail, so a head that is not written by itself is written again, and the base moves past
// it. A tombstone has no place: it stays in the log until the base has passed it, and so what it hides,
// which lies below.
//
// Rejected alternative: a full snapshot now and then. It stands in the way of a checkpoint for seconds, and
// the log is as long as it may be just when a restore needs it short.
//
// Invariants:
//   L1  The block of every group's latest state lies at or above the base, which never goes back.

import type { ChangedGroup } from "../core/partition.ts";

interface Place {
  readonly offset: number;
  /** Of the encoded state and the group's name. */
  readonly bytes: number;
}

export interface PlacedBlock {
  readonly offset: number;
  /** As appended. */
  readonly bytes: number;
  readonly groups: readonly ChangedGroup[];
}

export class Places {
  /** In order of last write. */
  readonly #places = new Map<string, Place>();
  /** Blocks in the log's order, those below the base left out now and then. */
  #blocks: { readonly offset: number; readonly bytes: number }[] = [];
  #liveBytes = 0;
  #logBytes = 0;

  /** Of the latest states; what the log would hold if nothing were written twice. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Of the blocks from the base on. */
  get logBytes(): number {
    return this.#logBytes;
  }

  /** A block was appended behind all others; its states are the latest ones. */
  put({ offset, bytes, groups }: PlacedBlock): void {
    for (const { group, state } of groups) {
      this.#remove(group);
      if (state === null) continue;
      const size = state.length + group.length;
      this.#places.set(group, { offset, bytes: size });
      this.#liveBytes += size;
    }
    this.#blocks.push({ offset, bytes });
    this.#logBytes += bytes;
  }

  /**
   * Where a restore has to begin (L1), forgetting what lies below.
   * @param latest where the latest checkpoint's own blocks begin: the partition's record stands there
   */
  advanceBase(latest: number): number {
    const [oldest] = this.#places.values();
    const base = Math.min(oldest?.offset ?? latest, latest);
    let passed = 0;
    for (; passed < this.#blocks.length && this.#blocks[passed]!.offset < base; passed++) {
      this.#logBytes -= this.#blocks[passed]!.bytes;
    }
    if (passed > 0) this.#blocks = this.#blocks.slice(passed);
    return base;
  }

  /** The groups not written for longest, up to `bytes` of state, without those in `except`. */
  oldest(bytes: number, except: ReadonlySet<string>): string[] {
    const groups: string[] = [];
    let left = bytes;
    for (const [group, place] of this.#places) {
      if (left <= 0) break;
      if (except.has(group)) continue;
      groups.push(group);
      left -= place.bytes;
    }
    return groups;
  }

  #remove(group: string): void {
    const place = this.#places.get(group);
    if (place === undefined) return;
    this.#places.delete(group);
    this.#liveBytes -= place.bytes;
  }
}
