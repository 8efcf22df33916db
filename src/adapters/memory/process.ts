// One process as the broker sees it: what it may ask, and whether it is alive. Owns the ports' producer
// and logs sides, its way to the registry, and the process's own view of the clock; its death and its freezing
// are the wire's to enforce.
//
// Invariants:
//   B12  One send of a producer to a partition is under way at a time; the next starts when it is answered.
//   B13  The sleeps of a frozen process end when it is thawed, those of a killed one never.
//   B16  A wall clock put wrong moves no alarm and no monotonic time.

import type { Instant } from "../../core/time.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import type { Clock, Group, Logs, OutRecord, PartitionRange, Producer } from "../../runtime/ports.ts";
import type { SchemaRegistry } from "../registry.ts";
import type { MemoryBroker } from "./broker.ts";
import { MemoryGroup } from "./group.ts";
import type { MemoryGroupOptions } from "./group.ts";
import type { BrokerCall, ProcessState, Wire } from "./wire.ts";

type Pair = { readonly topic: string; readonly partition: number };

export class MemoryProcess {
  readonly name: string;
  readonly broker: MemoryBroker;
  readonly clock: Clock;
  readonly #state: ProcessState;
  readonly #wire: Wire;
  #producers = 0;
  #logs = 0;
  #skew = 0;

  constructor(name: string, options: { broker: MemoryBroker; wire: Wire }) {
    this.name = name;
    this.broker = options.broker;
    this.#wire = options.wire;
    this.#state = { name, life: "alive" };
    this.clock = {
      now: () => this.broker.clock.now() + this.#skew,
      monotonic: () => this.broker.clock.monotonic(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
      turn: () => this.#wakeUp(),
    };
  }

  /** Ends it as kill -9 does: no goodbye to anybody. */
  kill(): void {
    this.#state.life = "dead";
  }

  /** SIGSTOP: it neither runs nor hears; its session goes on without it. */
  freeze(): void {
    if (this.#state.life === "alive") this.#state.life = "frozen";
  }

  /** SIGCONT. */
  thaw(): void {
    if (this.#state.life === "frozen") this.#state.life = "alive";
  }

  /** Puts its wall clock wrong by `ms` more. (B16) */
  skewBy(ms: number): void {
    this.#skew += ms;
  }

  alive(): boolean {
    return this.#state.life !== "dead";
  }

  group(options: MemoryGroupOptions): Group {
    return new MemoryGroup(this, this.broker.coordinator(options.groupId), options);
  }

  producer(): Producer {
    const name = `producer-${(this.#producers += 1)}`;
    const tails = new Map<string, Promise<unknown>>();
    return {
      send: (topic, partition, records) => {
        const channel = `${name}/${topic}/${partition}`;
        const send = (): Promise<number> => this.#send(channel, { topic, partition }, records);
        const sent = (tails.get(channel) ?? Promise.resolve()).then(send, send); // B12
        tails.set(channel, sent);
        sent.catch(() => {});
        return sent;
      },
    };
  }

  logs(): Logs {
    const channel = `logs-${(this.#logs += 1)}`;
    const { broker } = this;
    return {
      partitionCounts: (topics) =>
        this.call({ kind: "partitionCounts", channel }, () => broker.partitionCounts(topics)),
      logIds: (topics) =>
        this.call({ kind: "logIds", channel }, () => {
          return new Map(topics.map((topic) => [topic, broker.log({ topic, partition: 0 }).id]));
        }),
      ranges: (pairs: readonly Pair[]): Promise<PartitionRange[]> =>
        this.call({ kind: "ranges", channel }, () => pairs.map((pair) => broker.log(pair).range())),
      ends: (pairs: readonly Pair[]): Promise<number>[] => {
        const told = this.call({ kind: "ranges", channel }, () => pairs.map((pair) => endOf(broker, pair)));
        return pairs.map(async (_, index) => {
          const end = (await told)[index]!;
          if (end instanceof BrokerFailure) throw end;
          return end;
        });
      },
      offsetsAt: (pairs: readonly Pair[], timestamp: Instant): Promise<number[]> =>
        this.call({ kind: "offsetsAt", channel }, () => pairs.map((pair) => broker.log(pair).offsetAt(timestamp))),
      deleteRecords: (pairs) =>
        this.call({ kind: "deleteRecords", channel }, () => {
          for (const pair of pairs) broker.log(pair).deleteBefore(pair.before);
        }),
    };
  }

  /** A registry over a connection of this process: its answers come late, get lost or end with the process, too. */
  registry(registry: SchemaRegistry): SchemaRegistry {
    const ask = <T>(question: () => Promise<T>): Promise<T> =>
      this.call({ kind: "registry", channel: "registry" }, question);
    return {
      schema: (id) => ask(() => registry.schema(id)),
      idOf: (subject, schemaText) => ask(() => registry.idOf(subject, schemaText)),
      latestId: (subject) => ask(() => registry.latestId(subject)),
      register: (subject, schemaText) => ask(() => registry.register(subject, schemaText)),
    };
  }

  /** A request of this process to the broker. */
  call<T>(call: Omit<BrokerCall, "process"> & { readonly channel: string }, effect: () => T | Promise<T>): Promise<T> {
    return this.#wire.call(this.#state, call, effect);
  }

  #send(channel: string, pair: Pair, records: readonly OutRecord[]): Promise<number> {
    return this.call({ kind: "send", channel, ...pair }, () => this.broker.append(pair, records));
  }

  // B13
  async #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.broker.clock.sleep(ms, signal);
    await this.#wakeUp();
  }

  #wakeUp(): Promise<void> {
    return new Promise((resolve) => this.#wire.deliver(this.#state, "timers", resolve));
  }
}

/** An unknown partition is no failure of the others asked for with it. */
function endOf(broker: MemoryBroker, pair: Pair): number | BrokerFailure {
  try {
    return broker.log(pair).range().end;
  } catch (error) {
    if (error instanceof BrokerFailure) return error;
    throw error;
  }
}
