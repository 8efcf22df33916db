// The enforcing service of a chaos run: answers the holds and freezes it hears, each time it hears one, as the
// contract for enforcers says. Some it never answers, some late, some it rejects; and it may be down for a
// while. Owns the answers' producer; what Holdfast had to make of them is repetition.ts's.

import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { createKeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { KeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { Random } from "../../src/testing/exchange/random.ts";
import { registerSchema } from "./encoder.ts";
import type { Encode } from "./encoder.ts";
import type { SaidCommand } from "./judged.ts";

export interface EnforcerOptions {
  readonly client: KafkaClient;
  readonly registryUrl: string;
  readonly topic: string;
  readonly random: Random;
  /** How long Holdfast waits for an answer. */
  readonly timeoutMs: number;
}

type Conduct = "prompt" | "late" | "rejecting" | "silent";

const SCHEMA_FILE = "commands/ack.avsc";
const CONDUCTS: readonly { readonly conduct: Conduct; readonly weight: number }[] = [
  { conduct: "prompt", weight: 80 },
  { conduct: "late", weight: 5 },
  { conduct: "rejecting", weight: 5 },
  { conduct: "silent", weight: 10 },
];
const SLOWEST_MS = 1_000;
/** In time-outs. */
const LATE = 1.3;
const LOOK_MS = 50;

export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #writer: KeyedWriter;
  readonly #over = new AbortController();
  readonly #conducts = new Map<string, Conduct>();
  /** Commands it has ended the wait for, or that were repeated, are not in here. */
  readonly #unrepeated = new Set<string>();
  readonly #answering = new Set<Promise<void>>();
  #encode: Encode | null = null;
  #closing = false;
  /** It reads nothing and answers nothing; what was said meanwhile it reads afterwards. */
  isDown = false;

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#writer = createKeyedWriter(options.client, { patienceMs: Infinity, signal: this.#over.signal });
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  async open(): Promise<void> {
    const { registryUrl, topic } = this.#options;
    this.#encode = await registerSchema(registryUrl, topic, { file: SCHEMA_FILE });
  }

  /** Reads a command, or one that it knows once more. */
  hear({ commandId, caseId, accountId, action }: SaidCommand): void {
    if (action === "RELEASE")
      for (const id of this.#unrepeated) if (id.startsWith(`${caseId}/`)) this.#unrepeated.delete(id);
    if ((action !== "HOLD" && action !== "FREEZE") || this.#over.signal.aborted) return;
    const known = this.#conducts.get(commandId);
    const conduct = known ?? (this.#closing ? "prompt" : this.#options.random.weighted(CONDUCTS).conduct);
    this.#conducts.set(commandId, conduct);
    if (known !== undefined) this.#unrepeated.delete(commandId);
    else if (conduct === "silent") this.#unrepeated.add(commandId);
    if (conduct === "silent") return;
    const status = conduct === "rejecting" ? "REJECTED" : known === undefined ? "APPLIED" : "ALREADY_APPLIED";
    const { random, timeoutMs } = this.#options;
    const afterMs = conduct === "late" && known === undefined ? LATE * timeoutMs : random.integer(0, SLOWEST_MS);
    const answering = this.#answer({ commandId, accountId, status }, afterMs);
    this.#answering.add(answering);
    // What the end of the run cuts off is nobody's loss.
    answering.catch(() => {}).finally(() => this.#answering.delete(answering));
  }

  async #answer(ack: { commandId: string; accountId: string; status: string }, afterMs: number): Promise<void> {
    const { signal } = this.#over;
    await sleep(afterMs, undefined, { signal });
    while (this.isDown) await sleep(LOOK_MS, undefined, { signal });
    const value = this.#encode!({ ...ack, appliedAt: Date.now(), service: "chaos" });
    await this.#writer.write(this.#options.topic, [{ key: ack.accountId, value }]);
  }

  /**
   * From now on it answers whatever it has not heard before. Resolves when it has nothing more to say and was told
   * again of all that it never answered, or after `withinMs`; the verdict finds what is missing.
   */
  async finish(withinMs: number): Promise<void> {
    this.#closing = true;
    for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(LOOK_MS)) {
      if (this.#answering.size + this.#unrepeated.size === 0) return;
    }
  }

  close(): void {
    this.#over.abort(new Error("the chaos run is over"));
    this.#writer.close();
  }
}
