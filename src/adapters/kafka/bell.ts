// Wakes what sleeps. Every loop of the adapter waits on one, so that a seek, a failure or the end of the
// process is seen at once and not at the next round.

export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    const waiting = [...this.#waiting]; // waking one takes it out
    for (const wake of waiting) wake();
  }

  /** Resolves after `ms`, or when the bell rings. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
