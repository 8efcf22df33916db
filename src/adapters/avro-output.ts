// Where avro-writer.ts writes to: Avro's primitives, one after another. Values lie one behind another in a slab, and
// what is taken is a view of it: the state of accounts is written by the thousand, and neither copied nor given a
// buffer of its own. A value that is kept keeps its slab. Leaves their order to avro-writer.ts.
//
// Invariants:
//   O1 What could not be read again is a program's mistake and thrown: a number that is not whole or beyond what
//      avsc reads, text that is none. Never rounded, never "undefined" in the log.

const SLAB_BYTES = 256 * 1_024;
/** Of a slab with less left than this nothing more is asked: nearly every state has room in it. */
const ROOM_BYTES = 2_048;
const LONGEST_NUMBER = 10;
const LOW = 2 ** 27;
/** avsc refuses to read the last safe integer, and reads rounded what is below -2^52. */
const MOST = 2 ** 53 - 2;
const LEAST = -(2 ** 52);
/** Up to here a loop is faster than a call out of JavaScript. */
const SHORT = 10;
/** Of text: its length then takes one byte. */
const MOST_IN_ONE_BYTE = 63;

export class AvroOutput {
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the value at hand begins. */
  #start = 0;
  #position = 0;

  start(): void {
    if (this.#bytes.length - this.#position < ROOM_BYTES) {
      this.#bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#position = 0;
    }
    this.#start = this.#position;
  }

  /** What was written since `start`; nothing is written there again. */
  take(): Buffer {
    return this.#bytes.subarray(this.#start, this.#position);
  }

  byte(value: number): void {
    this.#need(1);
    this.#bytes[this.#position++] = value;
  }

  int(value: number): void {
    if ((value | 0) !== value) throw refused(value, "whole number of 32 bits"); // O1
    this.long(value);
  }

  long(value: number): void {
    this.#need(LONGEST_NUMBER);
    // Within 30 bits zigzag stays a small integer.
    if (value >= -0x20000000 && value < 0x20000000 && (value | 0) === value) {
      this.#small(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    if (!Number.isInteger(value) || value > MOST || value < LEAST) throw refused(value, "whole number of 53 bits"); // O1
    // Four bytes hold the sign bit and the lowest 27 of the magnitude; together with the rest they may pass 2^53.
    const magnitude = value < 0 ? -(value + 1) : value;
    const high = Math.floor(magnitude / LOW);
    const low = ((magnitude - high * LOW) << 1) | (value < 0 ? 1 : 0);
    const bytes = this.#bytes;
    bytes[this.#position++] = (low & 0x7f) | 0x80;
    bytes[this.#position++] = ((low >>> 7) & 0x7f) | 0x80;
    bytes[this.#position++] = ((low >>> 14) & 0x7f) | 0x80;
    bytes[this.#position++] = (low >>> 21) | 0x80;
    this.#small(high);
  }

  #small(zigzag: number): void {
    const bytes = this.#bytes;
    let rest = zigzag;
    for (; rest >= 0x80; rest >>>= 7) bytes[this.#position++] = (rest & 0x7f) | 0x80;
    bytes[this.#position++] = rest;
  }

  text(value: string): void {
    if (typeof value !== "string") throw refused(value, "text"); // O1
    const { length } = value;
    if (length > SHORT) return this.#longText(value);
    this.#need(length + 1);
    const bytes = this.#bytes;
    const start = this.#position + 1;
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      seen |= code;
      bytes[start + index] = code;
    }
    if (seen >= 0x80) return this.#longText(value);
    bytes[start - 1] = length << 1;
    this.#position = start + length;
  }

  #longText(value: string): void {
    const { length } = value;
    if (length > MOST_IN_ONE_BYTE) {
      this.long(Buffer.byteLength(value));
      this.#need(length * 3);
      this.#position += this.#bytes.write(value, this.#position, "utf8");
      return;
    }
    this.#need(length * 3 + 2);
    const start = this.#position + 1;
    const written = this.#bytes.write(value, start, "utf8");
    // Beyond ASCII the length may take a second byte after all.
    if (written > MOST_IN_ONE_BYTE) this.#bytes.copyWithin(start + 1, start, start + written);
    this.#small(written << 1);
    this.#position += written;
  }

  blob(value: Uint8Array): void {
    this.long(value.length);
    this.#need(value.length);
    this.#bytes.set(value, this.#position);
    this.#position += value.length;
  }

  flag(value: boolean): void {
    if (typeof value !== "boolean") throw refused(value, "boolean"); // O1
    this.byte(value ? 1 : 0);
  }

  double(value: number): void {
    if (typeof value !== "number") throw refused(value, "number"); // O1
    this.#need(8);
    this.#position = this.#bytes.writeDoubleLE(value, this.#position);
  }

  #need(length: number): void {
    if (this.#position + length <= this.#bytes.length) return;
    const written = this.#position - this.#start;
    const larger = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, (written + length) * 2));
    this.#bytes.copy(larger, 0, this.#start, this.#position);
    this.#bytes = larger;
    this.#start = 0;
    this.#position = written;
  }
}

function refused(value: unknown, wanted: string): TypeError {
  return new TypeError(`${String(value)} is no ${wanted}`);
}
