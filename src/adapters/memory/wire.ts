// Between processes and the broker: every request, answer and wake-up is a queued job, and nothing moves
// until a step runs one. Owns order, loss and the freezing of processes; leaves what a request does to
// the broker.
//
//   process a ──request──► channel "a/log>" ──step: effect──► channel "a/log<" ──step: answer──► process a
//
// Effect and answer are two steps, so that anything can come between them: a rebalance, a kill, another
// process's append.
//
// Invariants:
//   B4  Jobs of one channel run in the order they were queued; between channels the picker decides.
//   B5  A killed process hears nothing more, and what it had not yet got to the broker never arrives.
//   B6  A frozen process hears nothing until it is thawed; its requests already queued still arrive.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { Disposition } from "../../runtime/ports.ts";

export type CallKind =
  | "send"
  | "commit"
  | "committed"
  | "partitionCounts"
  | "logIds"
  | "ranges"
  | "offsetsAt"
  | "deleteRecords"
  | "join"
  | "sync"
  | "heartbeat"
  | "leave"
  | "fetch"
  | "registry";

export interface BrokerCall {
  readonly process: string;
  readonly kind: CallKind;
  readonly topic?: string;
  readonly partition?: number;
}

/**
 * What becomes of a call. `applied`: whether the broker does it, or does it late: on its own way, after
 * the answer and even after the caller's death. `answer`: what the caller hears: the truth, a failure
 * (`applied` with a failure is the half-complete case), or nothing for ever.
 */
export interface Fate {
  readonly applied: boolean | "late";
  readonly answer: "result" | "none" | { readonly disposition: Disposition; readonly code: string };
}

/** Chooses which of the ready channels moves next: an index into `ready`; −1: none of them for now. */
export type Picker = (ready: readonly string[]) => number;

export interface ProcessState {
  readonly name: string;
  life: "alive" | "frozen" | "dead";
}

/** Carries what its sender no longer waits for. */
const NETWORK: ProcessState = { name: "network", life: "alive" };

interface Job {
  readonly process: ProcessState;
  /** Towards the process (answers, wake-ups) or towards the broker. */
  readonly inward: boolean;
  run(): void;
}

export class Wire {
  /** Asked once for each call, when it reaches the broker. */
  fateOf: (call: BrokerCall) => Fate | undefined = () => undefined;
  readonly #channels = new Map<string, Job[]>();

  /** Runs one job. @returns false when none is ready, or the picker wants none */
  step(pick: Picker): boolean {
    const ready: string[] = [];
    for (const [channel, jobs] of this.#channels) {
      while (jobs[0]?.process.life === "dead") jobs.shift(); // B5
      if (jobs.length === 0) this.#channels.delete(channel);
      else if (!(jobs[0]!.inward && jobs[0]!.process.life === "frozen")) ready.push(channel); // B6
    }
    const choice = ready.length === 0 ? -1 : pick(ready);
    if (choice === -1) return false;
    const channel = ready[choice];
    if (channel === undefined) throw new Error(`the picker chose ${choice} of ${ready.length} ready channels`);
    this.#channels.get(channel)!.shift()!.run();
    return true;
  }

  /** Queues a job that happens inside `process`. */
  deliver(process: ProcessState, channel: string, run: () => void): void {
    this.#queue(`${process.name}/${channel}<`, { process, inward: true, run });
  }

  /**
   * One request and its answer. `effect` runs when the request reaches the broker; what it throws is the
   * answer, as is what its promise comes to.
   */
  call<T>(
    process: ProcessState,
    call: Omit<BrokerCall, "process"> & { readonly channel: string },
    effect: () => T | Promise<T>,
  ): Promise<T> {
    const { channel, ...rest } = call;
    const made: BrokerCall = { process: process.name, ...rest };
    return new Promise<T>((resolve, reject) => {
      const run = (): void => {
        const { applied, answer } = this.fateOf(made) ?? { applied: true, answer: "result" };
        // One that is not applied and not answered stays pending for ever, as on a lost connection.
        const effected = new Promise<T>((done) => {
          if (applied === true) done(effect());
          else if (applied === "late") {
            const arrive = (): void => done(new Promise((late) => late(effect())));
            this.#queue(`network/${process.name}/${channel}`, { process: NETWORK, inward: false, run: arrive });
          }
        });
        if (answer === "result") {
          effected.then(
            (result) => this.deliver(process, channel, () => resolve(result)),
            (error: unknown) => this.deliver(process, channel, () => reject(error)),
          );
          return;
        }
        effected.catch(() => {});
        if (answer !== "none") this.deliver(process, channel, () => reject(failure(answer, made)));
      };
      this.#queue(`${process.name}/${channel}>`, { process, inward: false, run });
    });
  }

  // B4
  #queue(channel: string, job: Job): void {
    if (job.process.life === "dead") return;
    const jobs = this.#channels.get(channel);
    if (jobs === undefined) this.#channels.set(channel, [job]);
    else jobs.push(job);
  }
}

function failure({ disposition, code }: { disposition: Disposition; code: string }, call: BrokerCall): BrokerFailure {
  return new BrokerFailure(`${call.kind} by ${call.process} failed with ${code}`, { disposition, code });
}
