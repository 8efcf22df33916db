// Kafka's variable-length numbers (zig-zag), read one after another from one buffer. Reads on past the end
// as zeros: who knows the bounds checks them.

export class VarintCursor {
  readonly #bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** 32 bits. */
  varint(): number {
    let byte = this.#bytes[this.position++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 35; shift += 7) {
      byte = this.#bytes[this.position++]!;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** 64 bits; exact to 2^53. */
  varlong(): number {
    let byte = this.#bytes[this.position++]!;
    let value = byte & 0x7f;
    for (let scale = 128; byte >= 0x80 && scale < 2 ** 70; scale *= 128) {
      byte = this.#bytes[this.position++]!;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A length and so many bytes; null for a negative length. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    this.position += length;
    return this.#bytes.subarray(this.position - length, this.position);
  }
}
