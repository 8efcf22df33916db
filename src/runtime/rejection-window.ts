// Which of the last records of a topic-partition were rejected, and whether that is more than half.

/** Records over which rejections are judged. */
export const WINDOW_RECORDS = 1_000;

export class RejectionWindow {
  readonly #rejected = new Uint8Array(WINDOW_RECORDS);
  #next = 0;
  #seen = 0;
  #rejections = 0;

  /** @returns whether more than half of a full window is rejected */
  add(rejected: boolean): boolean {
    const bit = rejected ? 1 : 0;
    this.#rejections += bit - this.#rejected[this.#next]!;
    this.#rejected[this.#next] = bit;
    this.#next = this.#next + 1 === WINDOW_RECORDS ? 0 : this.#next + 1;
    if (this.#seen < WINDOW_RECORDS) this.#seen += 1;
    return rejected && this.#seen === WINDOW_RECORDS && this.#rejections * 2 > WINDOW_RECORDS;
  }

  clear(): void {
    this.#rejected.fill(0);
    this.#next = 0;
    this.#seen = 0;
    this.#rejections = 0;
  }
}
