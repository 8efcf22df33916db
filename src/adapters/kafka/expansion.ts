// Where snappy.ts and lz4.ts decompress to: bytes taken from the input and repetitions of what was written,
// in one buffer that grows as it is filled and never past its bound. Owns the bound and the checks of every
// length and distance; the formats are the callers'.

export class ExpansionFailure extends Error {
  readonly problem: "too-large" | "corrupt";
  constructor(problem: ExpansionFailure["problem"], message: string) {
    super(message);
    this.name = "ExpansionFailure";
    this.problem = problem;
  }
}

/** Up to here a loop is faster than a call out of JavaScript. */
const SHORT = 32;
const SMALLEST_BYTES = 1_024;

export class Expansion {
  readonly #input: Buffer;
  readonly #maxBytes: number;
  #output: Buffer;
  #length = 0;

  /** @param maxBytes of the output */
  constructor(input: Buffer, maxBytes: number) {
    this.#input = input;
    this.#maxBytes = maxBytes;
    this.#output = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(SMALLEST_BYTES, input.length * 4)));
  }

  get length(): number {
    return this.#length;
  }

  take(): Buffer {
    return this.#output.subarray(0, this.#length);
  }

  /** Appends input bytes. */
  literal(start: number, length: number): void {
    const end = start + length;
    if (end > this.#input.length) throw new ExpansionFailure("corrupt", `${length} bytes are announced but not there`);
    const to = this.#need(length);
    if (length > SHORT) this.#input.copy(this.#output, to, start, end);
    else for (let index = 0; index < length; index++) this.#output[to + index] = this.#input[start + index]!;
  }

  /** Appends what was written `distance` bytes ago; a length beyond the distance repeats it. */
  repeat(distance: number, length: number): void {
    if (distance < 1 || distance > this.#length) {
      throw new ExpansionFailure("corrupt", `a repetition from ${distance} bytes ago, of ${this.#length} written`);
    }
    const to = this.#need(length);
    const from = to - distance;
    if (length > SHORT && distance >= length) this.#output.copyWithin(to, from, from + length);
    else for (let index = 0; index < length; index++) this.#output[to + index] = this.#output[from + index]!;
  }

  /** Room for `length` more. @returns where it begins */
  #need(length: number): number {
    const at = this.#length;
    const end = at + length;
    if (end > this.#output.length) {
      if (end > this.#maxBytes) throw new ExpansionFailure("too-large", `more than ${this.#maxBytes} bytes`);
      const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(end, this.#output.length * 2)));
      this.#output.copy(larger, 0, 0, at);
      this.#output = larger;
    }
    this.#length = end;
    return at;
  }
}
