// Finds things by their ids faster than a Map of many: beside one, for nearly all of what it holds. A Map walks a
// chain of entries and compares their texts, each elsewhere in memory; here one line of tags tells which of
// eight neighbours to compare, if any.
//
// Owns no thing: what it does not find may exist all the same, and whoever asks looks into the Map then. So ids
// chosen to collide cost no more than the Map does.
//
// Invariants:
//   FD1 what is found has the id asked for, and was kept and not dropped since
//   FD2 whatever the ids, find, keep and drop look at WIDTH places

import { hashOf } from "./text-hash.ts";

/** Places of one bucket: their tags are half a line of memory, what they hold is one. */
const WIDTH = 8;
const LEAST_PLACES = 1_024;
/** Of the places, when every other one is taken. */
const GROWTH = 2;
/** Of the id, from its end, where ids differ. */
const HASHED_LENGTH = 16;

export class Finder<T extends { readonly id: string }> {
  /** By place: the hash of what is there; 0: nothing. */
  #tags = new Int32Array(LEAST_PLACES);
  #things: (T | undefined)[] = new Array<T | undefined>(LEAST_PLACES).fill(undefined);
  #count = 0;
  /** Of the last guess, reused: tags, then places. */
  #asked = new Int32Array(0);

  find(id: string): T | undefined {
    const tag = tagOf(id);
    const tags = this.#tags;
    const start = tag & (tags.length - WIDTH);
    for (let place = start; place < start + WIDTH; place++) {
      if (tags[place] !== tag) continue;
      const thing = this.#things[place]!;
      if (thing.id === id) return thing; // FD1
    }
    return undefined;
  }

  /**
   * What these ids probably name, by their tags alone; undefined: nothing that is known. For all of them step by
   * step, so that they wait for memory together.
   */
  guess(ids: readonly string[], into: (T | undefined)[]): void {
    const { length } = ids;
    const tags = this.#tags;
    if (this.#asked.length < length) this.#asked = new Int32Array(length);
    const asked = this.#asked;
    for (let index = 0; index < length; index++) asked[index] = tagOf(ids[index]!);
    for (let index = 0; index < length; index++) {
      const tag = asked[index]!;
      let place = tag & (tags.length - WIDTH);
      const end = place + WIDTH;
      while (place < end && tags[place] !== tag) place++;
      asked[index] = place === end ? -1 : place;
    }
    for (let index = 0; index < length; index++) {
      const place = asked[index]!;
      into[index] = place < 0 ? undefined : this.#things[place];
    }
  }

  /** A thing that is not kept yet; in a full bucket it takes the place of the last one, which is found no more. */
  keep(thing: T): void {
    if (this.#count * 2 >= this.#tags.length) this.#grow();
    this.#put(thing, tagOf(thing.id));
  }

  drop(thing: T): void {
    const start = tagOf(thing.id) & (this.#tags.length - WIDTH);
    for (let place = start; place < start + WIDTH; place++) {
      if (this.#things[place] !== thing) continue;
      this.#tags[place] = 0;
      this.#things[place] = undefined;
      this.#count--;
    }
  }

  #put(thing: T, tag: number): void {
    const last = (tag & (this.#tags.length - WIDTH)) + WIDTH - 1;
    let place = last - WIDTH + 1;
    while (place < last && this.#tags[place] !== 0) place++; // FD2
    if (this.#tags[place] === 0) this.#count++;
    this.#tags[place] = tag;
    this.#things[place] = thing;
  }

  /** By the tags alone: no id is read. */
  #grow(): void {
    const [tags, things] = [this.#tags, this.#things];
    this.#tags = new Int32Array(tags.length * GROWTH);
    this.#things = new Array<T | undefined>(tags.length * GROWTH).fill(undefined);
    this.#count = 0;
    for (let place = 0; place < tags.length; place++) {
      if (tags[place] !== 0) this.#put(things[place]!, tags[place]!);
    }
  }
}

/** Never 0. */
function tagOf(id: string): number {
  return hashOf(id, Math.max(0, id.length - HASHED_LENGTH)) | 0 || 1;
}
