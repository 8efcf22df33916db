// What the registry said about schema ids: the schemas producers wrote with. Owns the cache and the
// patience; asks through registry.ts. Leaves reading with them to codec.ts.
//
// Invariants:
//   W1 One question at a time for an id, however many wait for it.
//   W2 An id is unknown only after the registry has said so for `unknownAfterMs` without a break: a
//      replica may lag. A registry that does not answer is waited for without end.
//   W3 The cache is bounded. A verdict "unknown" is kept for as long as it took, then asked again.

import type avro from "avsc";
import type { Rejection } from "../core/event.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { Clock } from "../runtime/ports.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import type { RegisteredSchema, SchemaRegistry } from "./registry.ts";
import { parseType } from "./schema-files.ts";

export type WriterSchema = { readonly type: avro.Type } | { readonly rejection: Rejection };

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const MOST_IDS = 1_000;

export class WriterSchemas {
  readonly #registry: SchemaRegistry;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #unknownAfterMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<number, { readonly schema: WriterSchema; readonly until: number }>();
  readonly #asked = new Map<number, Promise<void>>();

  constructor(options: {
    registry: SchemaRegistry;
    clock: Clock;
    telemetry: Telemetry;
    unknownAfterMs: number;
    signal: AbortSignal | undefined;
  }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#unknownAfterMs = options.unknownAfterMs;
    this.#signal = options.signal;
  }

  /** @returns undefined: not known yet, or no longer; fetch it */
  get(id: number): WriterSchema | undefined {
    const entry = this.#known.get(id);
    return entry !== undefined && this.#clock.monotonic() < entry.until ? entry.schema : undefined;
  }

  /** Resolves, and never rejects, when it makes sense to ask `get` again. */
  fetch(id: number): Promise<void> {
    let asked = this.#asked.get(id); // W1
    if (asked === undefined) {
      asked = this.#settle(id).finally(() => this.#asked.delete(id));
      this.#asked.set(id, asked);
    }
    return asked;
  }

  /** Asks once. @throws BrokerFailure */
  async ask(id: number): Promise<WriterSchema | "unknown"> {
    const known = this.get(id);
    if (known !== undefined) return known;
    const found = await this.#registry.schema(id);
    return found.kind === "unknown" ? "unknown" : this.#keep(id, toWriterSchema(id, found), Infinity);
  }

  async #settle(id: number): Promise<void> {
    let unknownSince = Infinity;
    for (let pause = FIRST_PAUSE_MS; this.#signal?.aborted !== true; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        if ((await this.ask(id)) !== "unknown") return;
        const now = this.#clock.monotonic();
        unknownSince = Math.min(unknownSince, now);
        if (now - unknownSince >= this.#unknownAfterMs) {
          this.#keep(id, unknown(id), now + this.#unknownAfterMs); // W3
          return;
        }
      } catch (error) {
        if (!(error instanceof BrokerFailure)) throw error;
        // A refusal (revoked credentials) is waited out as well: the records stay good.
        this.#telemetry.emit("broker.failed", { code: error.code, disposition: "retry", doing: error.message });
        unknownSince = Infinity; // W2
      }
      await this.#clock.sleep(pause, this.#signal);
    }
  }

  #keep(id: number, schema: WriterSchema, until: number): WriterSchema {
    // W3: the oldest goes; if it is still in use it is fetched again.
    if (this.#known.size >= MOST_IDS) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(id, { schema, until });
    return schema;
  }
}

function toWriterSchema(id: number, found: Exclude<RegisteredSchema, { kind: "unknown" }>): WriterSchema {
  if (found.kind === "unusable") return unusable(id, found.detail);
  try {
    return { type: parseType(found.json) };
  } catch (error) {
    return unusable(id, (error as Error).message);
  }
}

function unusable(id: number, detail: string): WriterSchema {
  return { rejection: { reason: "UNDECODABLE", detail: `schema id ${id} cannot be used: ${detail}` } };
}

function unknown(id: number): WriterSchema {
  const detail = `the registry does not know schema id ${id}: is the producer registering at another one?`;
  return { rejection: { reason: "UNKNOWN_SCHEMA", detail } };
}
