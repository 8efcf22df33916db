// The loop. Owns the tasks of this process: makes them at an assignment, discards them when a rejoin starts,
// gives each its turn, asks for the logs' ends. The only mutator: listener calls of the adapter make or drop
// tasks and buffer batches; everything else happens here, in turns.
//
// Invariants:
//   W1  A task made under one generation is never stepped under another; its memory may be handed on.
//   W2  One task's turn is short; heartbeats and sends of the others go out between turns.
//   W3  A failure that no retry mends ends the process; a lost ownership never does.
//   W4  A topic whose end nobody tells is not idle; it holds up no other task, and no other topic's lag.

import type { RuleSet } from "../core/rule.ts";
import { LoopTimes } from "./loop-times.ts";
import { Ownership, OwnershipLost } from "./ownership.ts";
import { BrokerFailure } from "./ports.ts";
import type { Assignment, GroupListener, RecordBatch } from "./ports.ts";
import { Task } from "./task.ts";
import type { TaskContext } from "./task-context.ts";
import type { TaskMemory } from "./task-memory.ts";
import { failed } from "./telemetry.ts";

const TURN_MS = 8;
const END_OFFSETS_EVERY_MS = 1_000;
/** So long after it was asked for, an end says that a topic is idle: whoever does not answer is not. */
const IDLE_FOR_MS = 2 * END_OFFSETS_EVERY_MS;
const REOPEN_AFTER_MS = 1_000;
const STALLED_AFTER_MS = 30_000;

/** Where a task's topic ends, asked for while the task was at a position. */
interface Question {
  readonly task: Task;
  readonly topic: string;
  readonly position: number;
  readonly end: Promise<number>;
}

export class Worker implements GroupListener {
  readonly #context: TaskContext;
  readonly #times: LoopTimes;
  readonly #tasks = new Map<number, Task>();
  /** Memory of tasks that are between two ownerships (T4). */
  readonly #kept = new Map<number, TaskMemory>();
  #assignment: Assignment | null = null;
  #suspendedAt: number;
  #turnedAt: number;
  #stopping = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};
  #idle: Promise<void> = Promise.resolve();
  #endsAskedAt = -Infinity;
  /** Tasks whose logs' ends were asked for and are not all told. */
  readonly #asking = new Set<Task>();
  /** When what the last answer said of who is idle is no longer true; none: it said nothing, or is forgotten. */
  readonly #idleUntil = new WeakMap<Task, number>();

  constructor(context: TaskContext) {
    this.#context = context;
    this.#times = new LoopTimes(context.clock);
    this.#suspendedAt = context.clock.monotonic();
    this.#turnedAt = this.#suspendedAt;
  }

  /**
   * Runs until the signal aborts (then drains: last checkpoint, group left) or something fails for good.
   * @throws the failure
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping = true;
      this.#wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    await this.#context.group.start(this);
    try {
      while (!this.#stopping && !signal.aborted && this.#failure === null) await this.#turn();
      if (this.#failure === null) await this.#drain();
    } catch (error) {
      this.#fail(error); // a bug; the others need not wait for the session's end to hear that this one is gone
    }
    await this.#context.group.stop();
    this.#endAll("stopped");
    if (this.#failure !== null) throw this.#failure;
  }

  onSuspend(): void {
    if (this.#assignment !== null) {
      this.#suspendedAt = this.#context.clock.monotonic();
      this.#context.telemetry.emit("group.suspended", { generation: this.#assignment.generation });
    }
    this.#endAll("rejoin"); // W1
  }

  onAssigned(assignment: Assignment): void {
    const { clock, telemetry } = this.#context;
    this.#endAll("rejoin");
    this.#assignment = assignment;
    const seconds = (clock.monotonic() - this.#suspendedAt) / 1_000;
    telemetry.emit("group.assigned", { generation: assignment.generation, tasks: assignment.tasks, seconds });
    for (const number of assignment.tasks) this.#open(number, assignment);
    this.#kept.clear(); // of what others own now
  }

  #open(number: number, assignment: Assignment): void {
    const { group, clock, tuning } = this.#context;
    const memory = this.#kept.get(number);
    this.#kept.delete(number);
    const task = new Task(number, {
      context: this.#context,
      memory,
      ownership: new Ownership(assignment, { group, clock, sessionTimeoutMs: tuning.sessionTimeoutMs }),
      onFailure: (error) => this.#onTaskFailure(task, error),
      onProgress: () => this.#wake(),
    });
    this.#tasks.set(number, task);
    void task.open();
  }

  onBatch(batch: RecordBatch): void {
    this.#context.telemetry.emit("records.consumed", { topic: batch.topic, count: batch.length });
    try {
      this.#tasks.get(batch.partition)?.add(batch);
    } catch (error) {
      this.#fail(error);
    }
    this.#wake();
  }

  onFailure(failure: BrokerFailure): void {
    this.#fail(failure);
  }

  /** A valid set takes the place of the old one, between two events of every task (L8). */
  replaceRules(rules: RuleSet): void {
    this.#context.rules = rules;
    for (const task of this.#tasks.values()) task.replaceRules(rules);
    for (const { partition } of this.#kept.values()) partition.replaceRules(rules);
  }

  /** Assigned (an empty assignment counts) and every task restored. */
  ready(): boolean {
    return this.#assignment?.tasks.every((number) => this.#tasks.get(number)?.state === "running") ?? false;
  }

  /** Null while the loop turns; otherwise for how long it has not. */
  stalled(): string | null {
    const ms = this.#context.clock.monotonic() - this.#turnedAt;
    return ms < STALLED_AFTER_MS ? null : `the loop has not turned for ${Math.round(ms / 1_000)} s`;
  }

  status(): object {
    const { rules } = this.#context;
    return {
      generation: this.#assignment?.generation ?? null,
      rules: { count: rules.detections.length + rules.correlations.length, hash: rules.hash },
      tasks: Array.from(this.#tasks.values(), (task) => task.status()),
    };
  }

  async #turn(): Promise<void> {
    const { clock } = this.#context;
    this.#turnedAt = clock.monotonic();
    this.#idle = new Promise((resolve) => (this.#wake = resolve));
    let handled = 0;
    this.#forgetIdle();
    for (const task of this.#tasks.values()) {
      this.#times.enter("process");
      handled += task.step(clock.monotonic() + TURN_MS); // W2
      this.#times.enter("checkpoint");
      task.checkpointIfDue();
    }
    this.#times.enter(handled > 0 ? "poll" : "idle");
    this.#askForEnds();
    if (handled > 0) await clock.turn();
    else await this.#rest();
  }

  /** Until something arrives, or time alone makes a task due. */
  async #rest(): Promise<void> {
    const { clock } = this.#context;
    let dueAt = this.#endsAskedAt + END_OFFSETS_EVERY_MS;
    for (const task of this.#tasks.values()) dueAt = Math.min(dueAt, task.dueAt());
    const woken = new AbortController();
    const sleep = clock.sleep(Math.max(1, dueAt - clock.monotonic()), woken.signal);
    await Promise.race([this.#idle, sleep]);
    woken.abort();
  }

  #forgetIdle(): void {
    for (const task of this.#tasks.values()) {
      if (this.#turnedAt <= (this.#idleUntil.get(task) ?? Infinity)) continue;
      this.#idleUntil.delete(task);
      task.forgetIdle();
    }
  }

  /** One question for all tasks that wait for no answer; the answers say who is idle, and the lag. */
  #askForEnds(): void {
    const { clock, logs } = this.#context;
    if (clock.monotonic() < this.#endsAskedAt + END_OFFSETS_EVERY_MS) return;
    this.#endsAskedAt = clock.monotonic();
    this.#times.report(this.#context.telemetry);
    const asked = Array.from(this.#tasks.values()).flatMap((task) =>
      this.#asking.has(task)
        ? []
        : task.inputPositions().map(({ topic, position }) => ({ task, topic, position, partition: task.number })),
    );
    if (asked.length === 0) return;
    const at = clock.now();
    const idleUntil = this.#endsAskedAt + IDLE_FOR_MS;
    const told = new Set<unknown>();
    const questions = logs.ends(asked).map((end, index): Question => ({ ...asked[index]!, end }));
    for (const [task, own] of Map.groupBy(questions, (question) => question.task)) {
      void this.#hearEnds(task, own, { at, idleUntil, told });
    }
  }

  /** W4 @param of.told failures reported for this question already */
  async #hearEnds(
    task: Task,
    questions: readonly Question[],
    { at, idleUntil, told }: { at: number; idleUntil: number; told: Set<unknown> },
  ): Promise<void> {
    this.#asking.add(task);
    const ends = await Promise.allSettled(questions.map(({ end }) => end));
    this.#asking.delete(task);
    for (const end of ends) {
      if (end.status === "fulfilled" || told.has(end.reason)) continue;
      told.add(end.reason);
      this.#endsFailed(end.reason);
    }
    const isSilent = ends.every(({ status }) => status === "rejected");
    if (isSilent || this.#tasks.get(task.number) !== task) return;
    const isWhole = ends.every(({ status }) => status === "fulfilled");
    if (!isWhole) task.forgetIdle();
    for (const [index, { topic, position }] of questions.entries()) {
      const end = ends[index]!;
      if (end.status === "fulfilled") task.observeEnd(topic, { endOffset: end.value, askedAt: position, at });
    }
    this.#idleUntil.set(task, idleUntil);
    if (isWhole) task.decideAsOf(at);
  }

  #endsFailed(error: unknown): void {
    if (!(error instanceof BrokerFailure) || error.disposition === "halt") return this.#fail(error);
    this.#context.telemetry.emit("broker.failed", failed(error, "ask for the logs' ends"));
  }

  /** The last checkpoint of each task; those that are lost meanwhile are somebody else's. */
  async #drain(): Promise<void> {
    const drains = Array.from(this.#tasks.values(), (task) =>
      task.drain().catch((error: unknown) => this.#onTaskFailure(task, error)),
    );
    await Promise.all(drains);
  }

  #onTaskFailure(task: Task, error: unknown): void {
    if (!(error instanceof OwnershipLost)) return this.#fail(error); // W3
    if (this.#tasks.get(task.number) !== task) return;
    this.#end(task, "lost");
    if (this.#assignment !== null && !this.#stopping) void this.#reopen(task.number, this.#assignment);
  }

  /** A task lost without a rejoin (a commit refused in passing) is opened again from what is committed. */
  async #reopen(number: number, assignment: Assignment): Promise<void> {
    await this.#context.clock.sleep(REOPEN_AFTER_MS);
    const current = this.#assignment === assignment && !this.#stopping;
    if (current && !this.#tasks.has(number)) this.#open(number, assignment);
  }

  #endAll(reason: "rejoin" | "stopped"): void {
    this.#assignment = null;
    for (const task of this.#tasks.values()) this.#end(task, reason);
  }

  #end(task: Task, reason: "rejoin" | "stopped" | "lost"): void {
    this.#context.telemetry.emit("task.stopped", { task: task.number, reason });
    this.#tasks.delete(task.number);
    const memory = task.release();
    if (memory !== null) this.#kept.set(task.number, memory);
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#wake();
  }
}
