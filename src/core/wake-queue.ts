// Who has to be woken when: a binary heap by time. An item whose time has become later, or that needs no
// waking any more, is not searched for and removed; the caller finds out when it comes up (and schedules
// it again). Items without a time cost nothing.

import type { Instant } from "./time.ts";

export class WakeQueue<T> {
  readonly #heap: { readonly at: Instant; readonly item: T }[] = [];
  /** The earliest time each item is in the heap for. */
  readonly #scheduled = new Map<T, Instant>();

  /** The item comes up at `at` or earlier. */
  schedule(item: T, at: Instant): void {
    const before = this.#scheduled.get(item);
    if (before !== undefined && before <= at) return;
    this.#scheduled.set(item, at);
    this.#heap.push({ at, item });
    this.#up(this.#heap.length - 1);
  }

  /** The item does not come up. */
  forget(item: T): void {
    this.#scheduled.delete(item);
  }

  /** When the next item comes up; undefined: none will. */
  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes an item whose time has come; undefined: there is none. */
  take(now: Instant): T | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { at, item } = this.#pop();
      if (this.#scheduled.get(item) !== at) continue; // came up earlier
      this.#scheduled.delete(item);
      return item;
    }
    return undefined;
  }

  #pop(): { readonly at: Instant; readonly item: T } {
    const top = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return top;
  }

  #up(start: number): void {
    const heap = this.#heap;
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #down(start: number): void {
    const heap = this.#heap;
    let parent = start;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let least = parent;
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}
