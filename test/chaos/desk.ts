// The fraud desk of a chaos run: takes back some of the cases it hears of, now and then twice with one word, and
// closes some of the breakers. Owns the decisions' producer; what became of them is the verdict's.

import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { createKeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { KeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { Random } from "../../src/testing/exchange/random.ts";
import { registerSchema } from "./encoder.ts";
import type { Encode } from "./encoder.ts";
import type { SaidCommand } from "./judged.ts";

export interface DeskOptions {
  readonly client: KafkaClient;
  readonly registryUrl: string;
  readonly topic: string;
  readonly random: Random;
}

const SCHEMA_FILE = "commands/decision.avsc";
const DECIDED = 0.15;
const CLOSED = 0.5;
const TWICE = 0.2;
const SLOWEST_MS = 3_000;
const LOOK_MS = 50;

/** The id of the command that must come of a decision that ends a case. */
export function releaseIdOf({ caseId, decisionId }: { caseId: string; decisionId: string }): string {
  return `${caseId}/release/${encodeURIComponent(decisionId)}`;
}

export class Desk {
  readonly #options: DeskOptions;
  readonly #writer: KeyedWriter;
  readonly #over = new AbortController();
  readonly #known = new Set<string>();
  /** Commands that must still come. */
  readonly #awaited = new Set<string>();
  readonly #writing = new Set<Promise<void>>();
  #decisions = 0;
  #encode: Encode | null = null;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#writer = createKeyedWriter(options.client, { patienceMs: Infinity, signal: this.#over.signal });
  }

  async open(): Promise<void> {
    const { registryUrl, topic } = this.#options;
    this.#encode = await registerSchema(registryUrl, topic, { file: SCHEMA_FILE });
  }

  /** Reads a command as it comes, and may decide on its case. */
  hear({ commandId, caseId, accountId, action }: SaidCommand): void {
    this.#awaited.delete(commandId);
    if (this.#known.has(commandId) || action === "RELEASE") return;
    this.#known.add(commandId);
    if (this.#over.signal.aborted || !this.#options.random.chance(DECIDED)) return;
    this.#awaited.add(releaseIdOf(this.#end({ accountId, caseId })));
  }

  /** Reads that a breaker opened, and may close it. */
  hearOpening(caseId: string): void {
    if (this.#known.has(caseId)) return;
    this.#known.add(caseId);
    if (this.#over.signal.aborted || !this.#options.random.chance(CLOSED)) return;
    this.#end({ accountId: decodeURIComponent(caseId.split("/")[0]!), caseId });
  }

  #end(of: { readonly accountId: string; readonly caseId: string }): { decisionId: string; caseId: string } {
    const decision = {
      ...of,
      decisionId: `d${++this.#decisions}`,
      verdict: this.#options.random.pick(["RELEASE", "FALSE_POSITIVE"]),
      decidedBy: "chaos",
    };
    const writing = this.#decide(decision)
      .catch((why: unknown) => {
        // What the end of the run cuts off is nobody's loss.
        if (!this.#over.signal.aborted) throw why;
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return decision;
  }

  async #decide(decision: { readonly accountId: string }): Promise<void> {
    const { random, topic } = this.#options;
    await sleep(random.integer(0, SLOWEST_MS), undefined, { signal: this.#over.signal });
    const record = { key: decision.accountId, value: this.#encode!({ ...decision, decidedAt: Date.now() }) };
    await this.#writer.write(topic, random.chance(TWICE) ? [record, record] : [record]);
  }

  /** Resolves when what it decided has been acted on, or after `withinMs`; the verdict finds what is missing. */
  async finish(withinMs: number): Promise<void> {
    for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(LOOK_MS)) {
      if (this.#writing.size + this.#awaited.size === 0) return;
    }
  }

  close(): void {
    this.#over.abort(new Error("the chaos run is over"));
    this.#writer.close();
  }
}
