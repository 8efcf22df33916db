// A TCP proxy before one Kafka broker, for one client: the network that can be cut, held up or slowed, and
// a look at the requests that pass, so that a fault can strike at a named one ("the first offset commit").
// Owns its port and its connections; knows of Kafka's protocol no more than how a request begins.
//
// Invariants:
//   TP1 What passes is what was sent, in order, however long it was held up; also when its sender has gone
//       meanwhile: the network may deliver what a dead process said.
//   TP2 A request reaches the broker whole or not at all.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface KafkaRequest {
  /** Kafka's number of the kind of request. */
  readonly apiKey: number;
  readonly bytes: Buffer;
}

/**
 * What becomes of a request that a watch strikes: `drop` loses it and the connection, `answer` its answer and the
 * connection; `swallow` loses it and whatever comes after it, and nobody is told.
 */
export type Loss = "drop" | "answer" | "swallow";

export interface TcpProxy {
  /** host:port to connect to. */
  readonly address: string;
  /** Where it leads; until then everybody is turned away. */
  lead(target: string): void;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Holds everything of this direction back; connections stay, and nobody is told. */
  stall(direction: "requests" | "answers" | "both"): void;
  /** Delays everything by so many milliseconds, each way. */
  slow(ms: number): void;
  heal(): void;
  /** Calls `strike` once, for the first request that `matches`; it is lost as `loss` says. */
  watch(matches: (request: KafkaRequest) => boolean, loss: Loss, strike: () => void): { end(): void };
  close(): void;
}

interface Network {
  cut: boolean;
  stalled: { requests: boolean; answers: boolean };
  delayMs: number;
}

interface Watch {
  readonly matches: (request: KafkaRequest) => boolean;
  readonly loss: Loss;
  readonly strike: () => void;
}

const FRAME_HEADER_BYTES = 4;
const API_KEY_BYTES = 2;
/** A broker may drop what it has not read when the connection is reset. */
const DELIVERED_WITHIN_MS = 1_000;

export async function openTcpProxy(): Promise<TcpProxy> {
  const network: Network = { cut: false, stalled: { requests: false, answers: false }, delayMs: 0 };
  const links = new Set<Link>();
  const watches = new Set<Watch>();
  let target: string | undefined;
  const server = createServer({ noDelay: true }, (client) => {
    if (network.cut || target === undefined) return void client.destroy();
    const link = new Link(client, { target, network, watches });
    links.add(link);
    link.onEnd(() => links.delete(link));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const release = (): void => {
    for (const link of links) link.release();
  };
  const sever = (): void => {
    for (const link of links) link.destroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    lead: (to) => void (target = to),
    cut() {
      network.cut = true;
      sever();
    },
    stall(direction) {
      if (direction !== "answers") network.stalled.requests = true;
      if (direction !== "requests") network.stalled.answers = true;
    },
    slow: (ms) => void (network.delayMs = ms),
    heal() {
      Object.assign(network, { cut: false, stalled: { requests: false, answers: false }, delayMs: 0 });
      release();
    },
    watch(matches, loss, strike) {
      const watch = { matches, loss, strike };
      watches.add(watch);
      return { end: () => void watches.delete(watch) };
    },
    close() {
      sever();
      server.close();
    },
  };
}

/** One client's connection, and ours to the broker for it. */
class Link {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #watches: Set<Watch>;
  readonly #requests: Lane;
  readonly #answers: Lane;
  #partial: Buffer = Buffer.alloc(0);
  #swallows = false;
  /** Called with the next answer, which is lost. */
  #onAnswer: (() => void) | null = null;

  constructor(client: Socket, given: { target: string; network: Network; watches: Set<Watch> }) {
    const [host, port] = given.target.split(":") as [string, string];
    this.#client = client;
    this.#watches = given.watches;
    this.#broker = connect({ host, port: Number(port), noDelay: true });
    this.#requests = new Lane(this.#broker, () => [given.network.stalled.requests, given.network.delayMs]);
    this.#answers = new Lane(client, () => [given.network.stalled.answers, given.network.delayMs]);
    client.on("data", (bytes: Buffer) => this.#onRequestBytes(bytes));
    this.#broker.on("data", (bytes: Buffer) => this.#onAnswerBytes(bytes));
    for (const socket of [client, this.#broker]) socket.on("error", () => socket.destroy());
    client.once("close", () => this.#requests.end()); // TP1
    this.#broker.once("close", () => client.destroy());
  }

  onEnd(ended: () => void): void {
    this.#broker.once("close", ended);
  }

  release(): void {
    this.#requests.flush();
    this.#answers.flush();
  }

  destroy(): void {
    this.#client.destroy();
    this.#broker.destroy();
  }

  #onRequestBytes(bytes: Buffer): void {
    if (this.#swallows) return;
    this.#partial = this.#partial.length === 0 ? bytes : Buffer.concat([this.#partial, bytes]);
    for (;;) {
      if (this.#partial.length < FRAME_HEADER_BYTES + API_KEY_BYTES) return;
      const end = FRAME_HEADER_BYTES + this.#partial.readInt32BE(0);
      if (this.#partial.length < end) return; // TP2
      const frame = this.#partial.subarray(0, end);
      this.#partial = this.#partial.subarray(end);
      if (this.#struck(frame)) return;
      this.#requests.push(frame);
    }
  }

  /** @returns whether nothing more passes on this connection */
  #struck(frame: Buffer): boolean {
    const request = { apiKey: frame.readInt16BE(FRAME_HEADER_BYTES), bytes: frame };
    const watch = [...this.#watches].find(({ matches }) => matches(request));
    if (watch === undefined) return false;
    this.#watches.delete(watch);
    const end = (): void => {
      watch.strike();
      this.destroy();
    };
    if (watch.loss === "answer") {
      this.#onAnswer = end;
      return false;
    }
    if (watch.loss === "swallow") {
      this.#swallows = true;
      watch.strike();
      return true;
    }
    end();
    return true;
  }

  #onAnswerBytes(bytes: Buffer): void {
    if (this.#onAnswer !== null) this.#onAnswer();
    else this.#answers.push(bytes);
  }
}

/** One direction of a link. */
class Lane {
  readonly #to: Socket;
  readonly #state: () => readonly [stalled: boolean, delayMs: number];
  /** TP1 */
  readonly #held: { readonly bytes: Buffer; readonly dueAt: number }[] = [];
  #over = false;

  constructor(to: Socket, state: () => readonly [boolean, number]) {
    this.#to = to;
    this.#state = state;
  }

  /** Closes the other side once everything is through. */
  end(): void {
    this.#over = true;
    this.flush();
  }

  push(bytes: Buffer): void {
    const [, delayMs] = this.#state();
    this.#held.push({ bytes, dueAt: performance.now() + delayMs });
    if (delayMs > 0) setTimeout(() => this.flush(), delayMs + 1);
    this.flush();
  }

  flush(): void {
    while (this.#held.length > 0) {
      const [stalled, delayMs] = this.#state();
      if (stalled || (delayMs > 0 && this.#held[0]!.dueAt > performance.now())) return;
      const { bytes } = this.#held.shift()!;
      if (!this.#to.destroyed) this.#to.write(bytes);
    }
    if (this.#over) this.#to.end(() => setTimeout(() => this.#to.destroy(), DELIVERED_WITHIN_MS));
  }
}
