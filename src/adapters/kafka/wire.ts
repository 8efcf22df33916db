// Reading and writing the fields of Kafka's protocol in one buffer, for the requests the adapter encodes
// itself (fetch-protocol.ts, produce-protocol.ts, topic-ids.ts). Big-endian; 64-bit numbers are exact to 2^53.
// What is called compact, and tags, is of requests whose version is flexible (KIP-482).

export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8((this.#position += 1) - 1);
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
    return this.#items(this.int32(), item);
  }

  /** Empty for null. */
  compactArray<T>(item: (reader: WireReader) => T): T[] {
    return this.#items(this.uvarint() - 1, item);
  }

  /** Empty for null. */
  compactString(): string {
    return this.compactBytes().toString("utf8");
  }

  /** A view, not a copy; empty for null. */
  compactBytes(): Buffer {
    return this.#view(Math.max(0, this.uvarint() - 1));
  }

  /** As text, in base64url. */
  uuid(): string {
    return this.#view(16).toString("base64url");
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** @param field is called at the fields with a tag; what it leaves of one is skipped */
  tags(field: (tag: number, reader: WireReader) => void = () => {}): void {
    for (let count = this.uvarint(); count > 0; count -= 1) {
      const tag = this.uvarint();
      field(tag, new WireReader(this.#view(this.uvarint())));
    }
  }

  #view(length: number): Buffer {
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  #items<T>(length: number, item: (reader: WireReader) => T): T[] {
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

  compactString(value: string): this {
    return this.uvarint(Buffer.byteLength(value) + 1).raw(Buffer.from(value));
  }

  /** How many items follow. */
  compactArray(length: number): this {
    return this.uvarint(length + 1);
  }

  /** @param id as WireReader.uuid gives it */
  uuid(id: string): this {
    return this.raw(Buffer.from(id, "base64url"));
  }

  uvarint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.int8(((rest & 0x7f) | 0x80) - 0x100);
    return this.int8(rest);
  }

  noTags(): this {
    return this.uvarint(0);
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
