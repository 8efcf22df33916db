// Reading and writing the fields of Kafka's protocol in one buffer, for the requests the adapter encodes
// itself (fetch-protocol.ts, produce-protocol.ts). Big-endian; 64-bit numbers are exact to 2^53.

export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE((this.#position += 2) - 2);
  }

  int32(): number {
    return this.#bytes.readInt32BE((this.#position += 4) - 4);
  }

  int64(): number {
    const high = this.int32();
    return high * 4_294_967_296 + this.#bytes.readUInt32BE((this.#position += 4) - 4);
  }

  string(): string {
    const length = this.int16();
    this.#position += length;
    return this.#bytes.toString("utf8", this.#position - length, this.#position);
  }

  /** A view, not a copy; empty for null. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32());
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  /** Empty for null. */
  array<T>(item: (reader: WireReader) => T): T[] {
    const length = Math.max(0, this.int32());
    const items: T[] = [];
    for (let index = 0; index < length; index += 1) items.push(item(this));
    return items;
  }
}

export class WireWriter {
  #bytes: Buffer;
  #position = 0;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  /** What was written. The writer must not be used afterwards. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#position);
  }

  get position(): number {
    return this.#position;
  }

  int8(value: number): this {
    const at = this.#need(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#need(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#need(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  int64(value: number): this {
    const at = this.#need(8);
    this.#bytes.writeInt32BE(Math.floor(value / 4_294_967_296), at);
    this.#bytes.writeUInt32BE(value >>> 0, at + 4);
    return this;
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.int16(length);
    const at = this.#need(length);
    this.#bytes.write(value, at, "utf8");
    return this;
  }

  raw(value: Buffer): this {
    const at = this.#need(value.length);
    value.copy(this.#bytes, at);
    return this;
  }

  /** Zig-zag variable-length; 32 bits. */
  varint(value: number): this {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    const at = this.#need(5);
    let length = 0;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at + length++] = (rest & 0x7f) | 0x80;
    this.#bytes[at + length++] = rest;
    this.#position = at + length;
    return this;
  }

  /** Overwrites four bytes written before. */
  patchInt32(at: number, value: number): this {
    this.#bytes.writeInt32BE(value | 0, at);
    return this;
  }

  /** Room for `length` more, perhaps in another buffer: ask before `#bytes` is read. @returns where it begins */
  #need(length: number): number {
    const at = this.#position;
    this.#position = at + length;
    if (this.#position > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#position, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
