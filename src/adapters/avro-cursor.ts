// A place in a record's bytes and the Avro primitives read from there, made for hostile input: whatever
// the bytes say, reading ends, allocates no more than the record's size warrants, and either gives the
// value that was written or throws a DecodeFailure. Leaves the order of reading to avro-reader.ts.
//
// Invariants:
//   R1 The position never moves backwards and never passes the end.
//   R2 Nothing is sized by what the bytes claim: a block's items are read one by one, each takes at least a
//      byte (avro-reader.ts refuses schemas where one would not), so the claim ends with the record.
//   R3 A number is exact or refused; text is valid UTF-8 or refused.

import { isUtf8 } from "node:buffer";
import type { RejectReason } from "../core/event.ts";

/** The bytes are not what their schema says. */
export class DecodeFailure extends Error {
  readonly reason: RejectReason;
  constructor(message: string, reason: RejectReason = "UNDECODABLE") {
    super(message);
    this.name = "DecodeFailure";
    this.reason = reason;
  }
}

/** Up to here a string made from character codes is cheaper than a call out of JavaScript. */
const SHORT = 24;

export class AvroCursor {
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  /** Arguments of String.fromCharCode by length, reused. */
  readonly #codes: readonly number[][] = Array.from({ length: SHORT + 1 }, (_, length) =>
    new Array<number>(length).fill(0),
  );
  /** Texts of two ASCII characters by their codes: countries, which accounts keep for long, are one object each. */
  readonly #pairs: (string | undefined)[] = new Array<string | undefined>(128 * 128).fill(undefined);

  /**
   * Reads what stands from `position` to the end.
   * @throws DecodeFailure for what is not so written, and when bytes are left over
   */
  readWhole(read: (cursor: this) => unknown, bytes: Buffer, position: number): unknown {
    this.#bytes = bytes;
    this.#position = position;
    const value = read(this);
    const left = bytes.length - this.#position;
    if (left !== 0) throw new DecodeFailure(`${left} bytes are left over after the record`);
    return value;
  }

  long(): number {
    const first = this.#bytes[this.#position];
    if (first !== undefined && first < 0x80) {
      this.#position++;
      return (first >>> 1) ^ -(first & 1);
    }
    return this.#longSlowly();
  }

  #longSlowly(): number {
    const bytes = this.#bytes;
    const first = bytes[this.#position];
    if (first === undefined) throw this.#truncated();
    this.#position++;
    // Zigzag's sign bit apart from the magnitude: together they can pass 2^53 where the value does not.
    let magnitude = (first & 0x7f) >>> 1;
    let scale = 64;
    for (let length = 1; length < 10; length++) {
      const byte = bytes[this.#position];
      if (byte === undefined) throw this.#truncated();
      this.#position++;
      magnitude += (byte & 0x7f) * scale;
      if (byte < 0x80) return exact((first & 1) === 1 ? -magnitude - 1 : magnitude);
      scale *= 128;
    }
    throw this.#endless();
  }

  skipLong(): void {
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw this.#truncated();
      this.#position++;
      if (byte < 0x80) return;
    }
    throw this.#endless();
  }

  flag(): boolean {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw this.#truncated();
    if (byte > 1) throw new DecodeFailure(`byte ${this.#position} is no boolean`);
    this.#position++;
    return byte === 1;
  }

  double(): number {
    if (this.#position + 8 > this.#bytes.length) throw this.#truncated();
    const value = this.#bytes.readDoubleLE(this.#position);
    this.#position += 8;
    return value;
  }

  /** Index of a union's branch or an enum's symbol. */
  index(count: number): number {
    const index = this.long();
    if (index < 0 || index >= count)
      throw new DecodeFailure(`index ${index} of ${count} before byte ${this.#position}`);
    return index;
  }

  text(): string {
    const length = this.#length();
    const start = this.#position;
    this.#position = start + length;
    const bytes = this.#bytes;
    if (length > SHORT) return this.#longText(start, start + length);
    const codes = this.#codes[length]!;
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const byte = bytes[start + index]!;
      seen |= byte;
      codes[index] = byte;
    }
    if (seen >= 0x80) return this.#longText(start, start + length);
    if (length !== 2) return String.fromCharCode.apply(null, codes);
    return (this.#pairs[codes[0]! * 128 + codes[1]!] ??= String.fromCharCode(codes[0]!, codes[1]!));
  }

  #longText(start: number, end: number): string {
    const bytes = this.#bytes;
    let seen = 0;
    for (let at = start; at < end; at++) seen |= bytes[at]!;
    if (seen < 0x80) return bytes.toString("latin1", start, end);
    // R3: a replacement character would make two different account ids one.
    if (!isUtf8(this.#bytes.subarray(start, end))) throw new DecodeFailure(`text at byte ${start} is not UTF-8`);
    return this.#bytes.toString("utf8", start, end);
  }

  /** A view: it lives as long as what it was read from, and changes with it. */
  bytes(): Buffer {
    const length = this.#length();
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  /** Skips bytes or text: a length and as many bytes. */
  skipBytes(): void {
    const length = this.#length();
    this.#position += length;
  }

  skip(length: number): void {
    // R1: a size from the record may be negative.
    if (length < 0 || length > this.#bytes.length - this.#position) throw this.#truncated();
    this.#position += length;
  }

  /** Items of the next block of an array or a map; 0: it was the last. */
  blockItems(): number {
    const count = this.long();
    if (count >= 0) return count;
    this.skipLong();
    return -count;
  }

  /** Skips the next block if its size in bytes is written. @returns -1: skipped; else its items, to be skipped one by one; 0: the end */
  skippableItems(): number {
    const count = this.long();
    if (count >= 0) return count;
    this.skip(this.long());
    return -1;
  }

  #length(): number {
    const length = this.long();
    if (length < 0 || length > this.#bytes.length - this.#position) throw this.#truncated();
    return length;
  }

  #endless(): DecodeFailure {
    return new DecodeFailure(`a number of more than 10 bytes before byte ${this.#position}`);
  }

  #truncated(): DecodeFailure {
    return new DecodeFailure(`the record ends too early (byte ${this.#position} of ${this.#bytes.length})`);
  }
}

function exact(value: number): number {
  // R3
  if (!Number.isSafeInteger(value)) throw new DecodeFailure("a number beyond 2^53 - 1", "INVALID_FIELD");
  return value;
}
