// The exchange of a chaos run: new accounts all the time, each playing a script, their events appended when
// they are due, some twice, and poison among them. Owns the producers. What reached the topics is read back
// by the oracle, so an append whose outcome is unknown is simply made again.

import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { murmur2Partitioner } from "../../src/adapters/kafka/partitioner.ts";
import { createKeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { KeyedRecord, KeyedWriter } from "../../src/adapters/kafka/writer.ts";
import type { Random } from "../../src/testing/exchange/random.ts";
import { registerSchema } from "./encoder.ts";
import type { Encode } from "./encoder.ts";
import type { Occurrence, Source } from "./occurrence.ts";
import { SOURCES } from "./occurrence.ts";
import { poisonRecord } from "./poison.ts";
import { LONGEST_SCRIPT_MS } from "./scripts.ts";
import type { Script } from "./scripts.ts";
import { drawScripts } from "./stories.ts";

export interface WorkloadOptions {
  readonly client: KafkaClient;
  /** The registry itself: producers have no part in its faults. */
  readonly registryUrl: string;
  readonly topics: Readonly<Record<Source, string>>;
  readonly partitions: number;
  readonly random: Random;
  /** Accounts that begin a script, a second. */
  readonly accountsPerSecond: number;
  /** Milliseconds after which the last step of an unfinished script comes, drawn between the two. */
  readonly later: readonly [number, number];
  /** Scripts that are not played. */
  readonly without: readonly string[];
}

interface Waiting {
  readonly dueAt: number;
  /** Of a last step: when all others are appended. */
  readonly notBefore?: number;
  readonly source: Source;
  readonly occurrence: Occurrence;
}

const TICK_MS = 20;
const DUPLICATED = 0.1;
const POISONED = 0.01;
const SKEWED = 0.1;
const SKEW_MS: readonly [number, number] = [-120_000, 240_000];
const AT_ONCE = 500;
const FLOOD_AT_ONCE = 5_000;
const SCHEMA_FILES: Readonly<Record<Source, string>> = {
  auth: "events/auth-event.avsc",
  api_key: "events/api-key-event.avsc",
  withdrawal: "events/withdrawal-event.avsc",
};

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  readonly #writer: KeyedWriter;
  readonly #encoders = new Map<Source, Encode>();
  readonly #queues: Readonly<Record<Source, KeyedRecord[]>> = { auth: [], api_key: [], withdrawal: [] };
  readonly #stop = new AbortController();
  #waiting: Waiting[] = [];
  #later: Waiting[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #playing = true;
  #owed = 0;
  #accounts = 0;
  #events = 0;
  #schemas = 0;
  /** Records the brokers have acknowledged. */
  appended = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#writer = createKeyedWriter(options.client, { patienceMs: Infinity, signal: this.#stop.signal });
  }

  /** Registers the schemas and begins. */
  async start(): Promise<void> {
    await Promise.all(SOURCES.map((source) => this.#register(source, [])));
    this.#running = Promise.all([this.#play(), ...SOURCES.map((source) => this.#send(source))]);
    this.#running.catch(() => {}); // told by finish()
  }

  /** Ends every script that is under way, the unfinished ones too; resolves when all of it is appended. */
  async finish(): Promise<void> {
    this.#playing = false;
    await this.#running;
  }

  close(): void {
    this.#stop.abort(new Error("the chaos run is over"));
    this.#writer.close();
  }

  /** One account for each partition that has to be held at once. Resolves with their ids when they are appended. */
  async probe(): Promise<string[]> {
    const accounts = Array.from({ length: this.#options.partitions }, (_, partition) => this.#accountIn(partition));
    const encode = this.#encoders.get("auth")!;
    const records = accounts.map((key) => {
      const occurrence = this.#occurrence(key, { type: "FACTOR_REMOVED", at: Date.now() });
      return { key, value: encode({ ...occurrence, factor: "HARDWARE_KEY" }) };
    });
    await this.#writer.write(this.#options.topics.auth, records);
    this.appended += records.length;
    return accounts;
  }

  /** So many accounts of one partition, of each of which a freeze is wanted, at one moment. */
  async wave(given: { readonly partition: number; readonly count: number }): Promise<void> {
    const encode = this.#encoders.get("auth")!;
    const at = Date.now();
    const records = Array.from({ length: given.count }, () => {
      const key = this.#accountIn(given.partition);
      return { key, value: encode(this.#occurrence(key, { type: "PHONE_UNREACHABLE", at })) };
    });
    await this.#writer.write(this.#options.topics.auth, records);
    this.appended += records.length;
  }

  /** Nothing but poison for one partition of one topic. */
  async burst(source: Source, given: { readonly partition: number; readonly count: number }): Promise<void> {
    const key = this.#accountIn(given.partition);
    const records = Array.from({ length: given.count }, () => this.#poison(source, key));
    await this.#writer.write(this.#options.topics[source], records);
    this.appended += records.length;
  }

  /** An event that means nothing from each of so many accounts that nobody has heard of. */
  async flood(count: number): Promise<void> {
    const encode = this.#encoders.get("auth")!;
    for (let left = count; left > 0; left -= FLOOD_AT_ONCE) {
      const records = Array.from({ length: Math.min(left, FLOOD_AT_ONCE) }, () => {
        const key = this.#accountIn(undefined);
        return { key, value: encode(this.#occurrence(key, { type: "LOGOUT", at: Date.now() })) };
      });
      await this.#writer.write(this.#options.topics.auth, records);
      this.appended += records.length;
    }
  }

  /** From now on this topic's records are written with a schema that nobody has seen before. */
  async newSchema(source: Source): Promise<void> {
    const name = `chaosField${++this.#schemas}`;
    await this.#register(source, [{ name, doc: "New.", type: ["null", "string"], default: null }]);
  }

  async #register(source: Source, further: readonly object[]): Promise<void> {
    const { registryUrl, topics } = this.#options;
    const encode = await registerSchema(registryUrl, topics[source], { file: SCHEMA_FILES[source], further });
    this.#encoders.set(source, encode);
  }

  async #play(): Promise<void> {
    let last = performance.now();
    while (this.#playing || this.#waiting.length + this.#later.length > 0) {
      await sleep(TICK_MS, undefined, { signal: this.#stop.signal });
      const now = performance.now();
      if (this.#playing) this.#owed += ((now - last) / 1_000) * this.#options.accountsPerSecond;
      last = now;
      while (this.#owed >= 1) {
        const scripts = drawScripts(this.#random, { without: this.#options.without });
        for (const script of scripts) this.#begin(script, Date.now());
        this.#owed -= scripts.length;
      }
      // What would come much later comes at the end of the run, at the latest.
      if (!this.#playing) {
        this.#waiting.push(...this.#later.map((each) => hurried(each, this.#random.integer(0, 2_000))));
        this.#later = [];
      }
      this.#later = this.#flushDue(this.#later);
      this.#waiting = this.#flushDue(this.#waiting);
    }
  }

  #begin(script: Script, now: number): void {
    const random = this.#random;
    const account = `c${++this.#accounts}-${random.hex(6)}`;
    // A producer's clock that is wrong all the time; within what is tolerated.
    const skew = script.timed || !random.chance(SKEWED) ? 0 : random.integer(...SKEW_MS);
    for (const { source, type, fields, at, appendAt } of script.steps) {
      const occurrence = { ...this.#occurrence(account, { type, at: now + at + skew }), ...fields };
      this.#waiting.push({ dueAt: now + appendAt, source, occurrence });
      if (random.chance(DUPLICATED))
        this.#waiting.push({ dueAt: now + appendAt + random.integer(0, 3_000), source, occurrence });
    }
    if (script.later === undefined) return;
    const { source, type, fields } = script.later.step;
    const notBefore = now + LONGEST_SCRIPT_MS;
    const dueAt = Math.max(notBefore, now + random.integer(...this.#options.later));
    const occurrence = { ...this.#occurrence(account, { type, at: dueAt }), ...fields };
    this.#later.push({ dueAt, notBefore, source, occurrence });
  }

  #flushDue(waiting: Waiting[]): Waiting[] {
    const now = Date.now();
    return waiting.filter((each) => {
      if (each.dueAt > now) return true;
      const { source, occurrence } = each;
      const queue = this.#queues[source];
      queue.push({ key: occurrence.accountId, value: this.#encoders.get(source)!(occurrence) });
      if (this.#random.chance(POISONED)) queue.push(this.#poison(source, this.#accountIn(undefined)));
      return false;
    });
  }

  /** In order, one send at a time for each topic. */
  async #send(source: Source): Promise<void> {
    const queue = this.#queues[source];
    while (this.#playing || queue.length + this.#waiting.length + this.#later.length > 0) {
      const records = queue.slice(0, AT_ONCE);
      if (records.length === 0) {
        await sleep(TICK_MS, undefined, { signal: this.#stop.signal });
        continue;
      }
      await this.#writer.write(this.#options.topics[source], records);
      queue.splice(0, records.length);
      this.appended += records.length;
    }
  }

  #occurrence(accountId: string, { type, at }: { type: string; at: number }): Occurrence {
    return { eventId: `e${++this.#events}`, accountId, type, occurredAt: at };
  }

  #poison(source: Source, key: string): KeyedRecord {
    // Of a type that every topic has.
    const occurrence = this.#occurrence(key, { type: "UNKNOWN", at: Date.now() });
    return poisonRecord({ random: this.#random, occurrence, encode: this.#encoders.get(source)! });
  }

  /** An account that nobody has used; in a partition when one is given. */
  #accountIn(partition: number | undefined): string {
    for (;;) {
      const id = `p${++this.#accounts}-${this.#random.hex(6)}`;
      if (partition === undefined || murmur2Partitioner(Buffer.from(id), this.#options.partitions) === partition)
        return id;
    }
  }
}

/** As soon as may be, and so many milliseconds more; it happens when it is appended. */
function hurried({ source, occurrence, notBefore = 0 }: Waiting, ms: number): Waiting {
  const dueAt = Math.max(Date.now(), notBefore) + ms;
  return { dueAt, source, occurrence: { ...occurrence, occurredAt: dueAt } };
}
