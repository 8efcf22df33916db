// What the registry said about schema ids: the schemas producers wrote with. Owns the cache and the
// patience; asks through registry.ts. Leaves reading with them to codec.ts.
//
// Invariants:
//   W1 One question at a time for an id, however many wait for it.
//   W2 An id is unknown only after the registry has said so without a break for as long as patience lasts: a
//      replica may lag. A registry that does not answer is waited for without end.
//   W3 The caches are bounded, and ids that nobody knows push out none that is known. A verdict "unknown" is
//      kept for a minute, then asked once.
//   W4 Patience is a minute in ten, all ids together: garbage in place of ids must not stop a topic-partition
//      for a minute each. Without any left, an id is still asked for until its record is two seconds old.
//      An id that is learned after it was denied shows that replicas do lag: patience is whole again.
//   W5 A pinned id means its schema for as long as the process lives, also when the cache has forgotten it: a
//      registry that answers with another one, or denies it, was restored or replaced; that is no answer, and
//      the records wait.

import type avro from "avsc";
import type { Rejection } from "../core/event.ts";
import type { Instant } from "../core/time.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { Clock } from "../runtime/ports.ts";
import { failed } from "../runtime/telemetry.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import type { RegisteredSchema, SchemaRegistry } from "./registry.ts";
import { parseType } from "./schema-files.ts";

export type WriterSchema = { readonly type: avro.Type } | { readonly rejection: Rejection };

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const MOST_IDS = 1_000;
const MOST_PINS = 10_000;
/** So much time gives back one part of patience. */
const RECOVERY = 10;
/** Age of a record below which its id may simply be too new for the registry's replica. */
const FRESH_MS = 2_000;

export class WriterSchemas {
  readonly #registry: SchemaRegistry;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #unknownAfterMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<number, WriterSchema>();
  /** Fingerprints of the schemas that ids mean. */
  readonly #pinned = new Map<number, string>();
  /** Ids given up, and until when that is not asked again. */
  readonly #unknown = new Map<number, number>();
  readonly #asked = new Map<number, Promise<void>>();
  /** Patience used, as of `#usedAt`. */
  #used = 0;
  #usedAt = 0;

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
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const until = this.#unknown.get(id);
    return until !== undefined && this.#clock.monotonic() < until ? unknown(id) : undefined;
  }

  /**
   * Resolves, and never rejects, when it makes sense to ask `get` again.
   * @param timestamp of the record that has the id
   */
  fetch(id: number, timestamp: Instant): Promise<void> {
    let asked = this.#asked.get(id); // W1
    if (asked === undefined) {
      const freshForMs = Math.min(FRESH_MS, timestamp + FRESH_MS - this.#clock.now());
      asked = this.#settle(id, freshForMs).finally(() => this.#asked.delete(id));
      this.#asked.set(id, asked);
    }
    return asked;
  }

  /** The id means this schema: a topic's records are read with it, or the registry has it for one of ours. (W5) */
  pin(id: number, type: avro.Type): void {
    if (!this.#pinned.has(id)) put(this.#pinned, id, fingerprintOf(type), MOST_PINS);
  }

  /** Asks once. @throws BrokerFailure */
  async ask(id: number): Promise<WriterSchema | "unknown"> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const found = await this.#registry.schema(id);
    const schema = found.kind === "unknown" ? null : toWriterSchema(id, found);
    this.#insist(id, schema);
    if (schema === null) return "unknown";
    this.#unknown.delete(id);
    put(this.#known, id, schema);
    return schema;
  }

  // W5
  #insist(id: number, schema: WriterSchema | null): void {
    const pinned = this.#pinned.get(id);
    if (pinned === undefined || pinned === (schema !== null && "type" in schema ? fingerprintOf(schema.type) : ""))
      return;
    const message =
      `the registry's answer for schema id ${id} is not what the id meant before: was the registry restored or ` +
      `replaced? Records with this id wait until it answers as before; a restart believes what it says then`;
    throw new BrokerFailure(message, { disposition: "retry", code: "REGISTRY_CONTRADICTION" });
  }

  async #settle(id: number, freshForMs: number): Promise<void> {
    const from = this.#clock.monotonic();
    let deniedSince = Infinity;
    for (let pause = FIRST_PAUSE_MS; this.#signal?.aborted !== true; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        if ((await this.ask(id)) !== "unknown") {
          if (deniedSince < Infinity) this.#used = 0; // W4
          return;
        }
        const now = this.#clock.monotonic();
        deniedSince = Math.min(deniedSince, now);
        const isFresh = now - from < freshForMs;
        if (this.#unknown.has(id) || (!isFresh && now - deniedSince >= this.#patience(now))) {
          this.#giveUp(id, { now, waitedMs: now - deniedSince });
          return;
        }
      } catch (error) {
        if (!(error instanceof BrokerFailure)) throw error;
        // A refusal (revoked credentials) is waited out as well: the records stay good.
        this.#telemetry.emit("registry.failed", { ...failed(error, "look up a schema"), disposition: "retry" });
        deniedSince = Infinity; // W2
      }
      await this.#clock.sleep(pause, this.#signal);
    }
  }

  /** Milliseconds that are left. */
  #patience(now: number): number {
    this.#used = Math.max(0, this.#used - (now - this.#usedAt) / RECOVERY);
    this.#usedAt = now;
    return Math.max(0, this.#unknownAfterMs - this.#used);
  }

  #giveUp(id: number, { now, waitedMs }: { now: number; waitedMs: number }): void {
    this.#patience(now);
    this.#used = Math.min(this.#unknownAfterMs, this.#used + waitedMs);
    this.#unknown.delete(id);
    put(this.#unknown, id, now + this.#unknownAfterMs);
  }
}

/** W3: the oldest goes; if it is still in use it is fetched again. */
function put<T>(cache: Map<number, T>, id: number, value: T, most: number = MOST_IDS): void {
  if (cache.size >= most) cache.delete(cache.keys().next().value!);
  cache.set(id, value);
}

/** Of what decides how bytes are read: names, types, the order of fields and symbols. */
function fingerprintOf(type: avro.Type): string {
  return type.fingerprint("sha256").toString("hex");
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
