// One task on one owner: partition p of every topic, from its opening to its end. Owns the routing of its
// batches and the step that applies records; the steps before are opening.ts's, the checkpoints
// checkpointer.ts's, and what anything means the core's.
//
// Invariants:
//   T1  A command is sent the moment it is decided; no checkpoint stands before it.
//   T2  Nothing is applied or ticked unless the ownership is held.
//   T3  A record is handed to the core or to the dead letters, and then its position moves, in one step.

import type { Partition } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import { Checkpointer } from "./checkpointer.ts";
import { say } from "./decisions.ts";
import { ResponseReport } from "./feedback.ts";
import { Intake } from "./intake.ts";
import { nextTaskState } from "./lifecycle.ts";
import type { TaskEvent, TaskState } from "./lifecycle.ts";
import type { Ledger } from "./ledger.ts";
import { LogReader } from "./log-reader.ts";
import { openTask } from "./opening.ts";
import { Outbox } from "./outbox.ts";
import type { Ownership } from "./ownership.ts";
import type { RecordBatch } from "./ports.ts";
import { Quarantine } from "./quarantine.ts";
import { Reception } from "./reception.ts";
import type { TaskContext } from "./task-context.ts";
import { TaskMemory } from "./task-memory.ts";
import { readTopics } from "./topics.ts";

/** How soon to look again whether a lapsed lease is back. */
const LEASE_LOOK_MS = 50;
/** Records between two looks at the clock. */
const RECORDS_BETWEEN_LOOKS = 64;

interface Running {
  readonly intake: Intake;
  readonly quarantine: Quarantine;
  readonly checkpointer: Checkpointer;
  readonly ledger: Ledger;
}

export class Task {
  readonly number: number;
  readonly #context: TaskContext;
  readonly #ownership: Ownership;
  readonly #onFailure: (error: unknown) => void;
  readonly #onProgress: () => void;
  readonly #reader: LogReader;
  readonly #outbox: Outbox;
  readonly #reception: Reception;
  readonly #report: ResponseReport;
  #memory: TaskMemory;
  /** The memory's; read for every record. */
  #partition: Partition;
  /** Records of the state log still to be read. */
  #toRestore = 0;
  #state: TaskState = "opening";
  /** The wall clock at which every acknowledgement there was had been read. */
  #acksReadTo = -Infinity;
  #running: Running | null = null;
  #isLapsed = false;

  /**
   * @param options.memory of an earlier ownership in this process
   * @param options.onFailure told what stopped the task; OwnershipLost among it
   * @param options.onProgress told when a step or a checkpoint that had to wait may go on
   */
  constructor(
    number: number,
    options: {
      context: TaskContext;
      ownership: Ownership;
      memory?: TaskMemory | undefined;
      onFailure: (error: unknown) => void;
      onProgress: () => void;
    },
  ) {
    const { context, ownership } = options;
    this.number = number;
    this.#context = context;
    this.#ownership = ownership;
    this.#onFailure = options.onFailure;
    this.#onProgress = options.onProgress;
    this.#reader = new LogReader(context.group, number);
    this.#outbox = new Outbox({
      ...context,
      ownership,
      onFailure: options.onFailure,
      onAcknowledged: options.onProgress,
    });
    this.#memory = options.memory ?? new TaskMemory(context);
    this.#partition = this.#memory.partition;
    this.#reception = new Reception(number, { ...options, outbox: this.#outbox });
    this.#report = new ResponseReport(number, context.telemetry);
  }

  get state(): TaskState {
    return this.#state;
  }

  /** From the committed checkpoint to running. Failures, a lost ownership among them, go to `onFailure`. */
  async open(): Promise<void> {
    const context = this.#context;
    const asking = { context, ownership: this.#ownership, task: this.number };
    try {
      const opened = await openTask({
        ...asking,
        reader: this.#reader,
        memory: this.#memory,
        startAnew: () => this.#startAnew(),
        onProgress: (remaining) => (this.#toRestore = remaining),
        advance: (event) => {
          this.#ownership.assertNotLost(); // given up while it waited: the state has moved on already
          this.#advance(event);
        },
      });
      this.#ownership.assertNotLost();
      const intake = new Intake(opened.inputs, {
        ...context,
        ...context.tuning,
        partition: this.number,
        optional: new Set(readTopics(context.topics).flatMap(({ topic, optional }) => (optional ? [topic] : []))),
        onAlignmentPause: (topic) => context.telemetry.emit("alignment.paused", { topic }),
      });
      const { ledger, said } = opened;
      const parts = { ...asking, partition: this.#partition, intake, outbox: this.#outbox, ledger, said };
      const { clock, codec, telemetry } = context;
      const onHeld = (topic: string, isHeld: boolean): void => this.#setIdle(topic, isHeld);
      const watching = { task: this.number, intake, codec, clock, telemetry, onHeld, onProgress: this.#onProgress };
      const quarantine = new Quarantine([...opened.inputs.keys()], watching);
      this.#running = { intake, quarantine, checkpointer: new Checkpointer(parts), ledger };
      this.#goOn();
      intake.open();
      context.telemetry.emit("task.running", { task: this.number, positions: intake.positions() });
      this.#onProgress();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #startAnew(): TaskMemory {
    this.#memory = new TaskMemory(this.#context);
    this.#partition = this.#memory.partition;
    return this.#memory;
  }

  /** The memory is this ownership's: what it decides, and what it had decided, is said by it. */
  #goOn(): void {
    const memory = this.#memory;
    memory.onOutputs = (outputs) => {
      say(outputs, this.#outbox, { ...this.#context, task: this.number }); // T1
      if (outputs.commands.length > 0) this.#running?.checkpointer.hurry();
    };
    for (const { topic, partition, outputs } of memory.standing?.unsent ?? []) {
      this.#outbox.add(topic, partition, outputs);
    }
    memory.standing = null;
    memory.restoring = null;
  }

  /** Between two events: a step is never interrupted (L8). */
  replaceRules(rules: RuleSet): void {
    this.#partition.replaceRules(rules);
  }

  /** A batch of one of the task's partitions, its own logs included. */
  add(batch: RecordBatch): void {
    if (batch.topic === this.#context.topics.state || batch.topic === this.#context.topics.commands) {
      this.#reader.add(batch);
    } else {
      this.#running?.intake.add(batch);
    }
  }

  /**
   * Applies buffered records until none is ready or `until` (monotonic) has passed.
   * @returns the records handled
   */
  step(until: number): number {
    const running = this.#running;
    const { clock } = this.#context;
    if (running === null || this.#state !== "running" || !this.#mayAct()) return 0; // T2
    const startedAt = clock.monotonic();
    const now = clock.now();
    running.quarantine.look();
    let handled = 0;
    while (!this.#outbox.isFull) {
      const cursor = running.intake.peek();
      if (cursor === null) break;
      const { batch, index } = cursor;
      this.#reception.expect(cursor, this.#partition);
      const received = this.#reception.receive(cursor, this.#partition, now);
      if (received === "wait") continue;
      running.intake.advance(cursor); // T3
      running.quarantine.count(batch.topic, batch.offsetAt(index), received === "taken" ? null : received);
      if (++handled % RECORDS_BETWEEN_LOOKS === 0 && clock.monotonic() >= until) break;
    }
    this.#tick();
    this.#repeatUnanswered(running, now);
    if (handled > 0) {
      running.checkpointer.count(handled);
      this.#reception.report((clock.monotonic() - startedAt) / 1_000);
    }
    return handled;
  }

  /** A lease that has lapsed is told of once: the process was paused, or had no time or no answer for heartbeats. */
  #mayAct(): boolean {
    const isHeld = this.#ownership.held();
    const hasLapsed = !isHeld && !this.#ownership.lost();
    if (hasLapsed && !this.#isLapsed) {
      this.#context.telemetry.emit("group.fenced", { task: this.number, reason: "lease" });
    }
    this.#isLapsed = hasLapsed;
    return isHeld;
  }

  /** Nobody has answered only as of a time up to which all answers were read. */
  #repeatUnanswered({ intake }: Running, now: number): void {
    const dueAt = this.#partition.repeatsAt() ?? Infinity;
    if (dueAt > now) return;
    const last = intake.queues().find(({ topic }) => topic === this.#context.topics.acks)?.lastTimestamp ?? -Infinity;
    const readTo = Math.min(now, Math.max(this.#acksReadTo, last));
    if (dueAt <= readTo) this.#partition.repeat(readTo);
  }

  /**
   * What time alone decides, by the frontier.
   * @param idleAsOf where every topic was read to an end asked for at that time, absences are decided by it
   */
  #tick(idleAsOf?: number): void {
    const wakeAt = this.#partition.wakeAt() ?? Infinity;
    const clockAt = this.#partition.clockAt() ?? Infinity;
    const isDue = wakeAt <= this.#partition.frontier() || (idleAsOf !== undefined && clockAt <= idleAsOf);
    if (isDue) this.#partition.tick(idleAsOf);
  }

  /** The input partitions whose ends the worker should ask for, with the positions as of the question. */
  inputPositions(): { topic: string; position: number }[] {
    return this.#running?.intake.queues().map(({ topic, position }) => ({ topic, position })) ?? [];
  }

  /**
   * The answer: lag is told. A topic read to an end asked for after its last record is idle, one that has
   * unread records is not; of one that is held neither matters (Q3).
   */
  observeEnd(topic: string, end: { endOffset: number; askedAt: number; at: number }): void {
    const running = this.#running;
    if (running === null || !this.#ownership.held()) return;
    const { idle } = running.intake.observeEnd(topic, end);
    const isUnread = end.endOffset > end.askedAt;
    if ((idle || isUnread) && !running.quarantine.holds(topic)) this.#setIdle(topic, idle);
    if (idle && topic === this.#context.topics.acks) this.#acksReadTo = end.at;
    const records = Math.max(0, end.endOffset - end.askedAt);
    const seconds = running.intake.lagSeconds(topic, end.at);
    this.#context.telemetry.emit("lag.observed", { topic, partition: this.number, records, seconds });
  }

  /** Nobody has said for a while where the topics end: none counts as read to its end. */
  forgetIdle(): void {
    for (const { topic } of readTopics(this.#context.topics)) {
      if (this.#running?.quarantine.holds(topic) !== true) this.#setIdle(topic, false); // Q3
    }
  }

  #setIdle(topic: string, isIdle: boolean): void {
    const service = this.#reception.serviceOf(topic);
    if (service !== undefined) this.#partition.setIdle(service, isIdle);
  }

  /** All ends asked for at that time are observed: what waits for the clock may be decided as of then. */
  decideAsOf(at: number): void {
    if (this.#running !== null && this.#ownership.held()) this.#tick(at);
  }

  /** Starts a checkpoint when one is due; its failure goes to `onFailure`. */
  checkpointIfDue(): void {
    const running = this.#running;
    if (running === null || this.#state !== "running" || !running.checkpointer.due()) return;
    if (!this.#ownership.held()) return;
    this.#reportState();
    void running.checkpointer.write().then(this.#onProgress, this.#onFailure);
  }

  #reportState(): void {
    const { telemetry } = this.#context;
    const counts = this.#partition.takeCounts();
    const { evictions, lateContradictions, sequences } = counts;
    for (const [reason, count] of Object.entries(evictions)) {
      if (count > 0) telemetry.emit("state.evicted", { reason, count });
    }
    if (lateContradictions > 0) telemetry.emit("absence.contradicted", { count: lateContradictions });
    for (const { rule, stage, accounts } of sequences) {
      telemetry.emit("sequences.counted", { task: this.number, rule, stage, accounts });
    }
    this.#report.report(counts);
    telemetry.emit("state.observed", { task: this.number, accounts: this.#partition.groups });
  }

  /** When time alone makes this task due: a checkpoint, or the end of a wait for another topic. */
  dueAt(): number {
    if (this.#running === null) return Infinity;
    if (!this.#ownership.held()) return this.#context.clock.monotonic() + LEASE_LOOK_MS;
    const { checkpointer, intake, quarantine } = this.#running;
    const waitEndsAt = this.#outbox.isFull ? Infinity : intake.waitEndsAt(); // nothing is looked at
    return Math.min(checkpointer.dueAt(), waitEndsAt, quarantine.dueAt());
  }

  status(): object {
    return {
      task: this.number,
      state: this.#state,
      accounts: this.#partition.groups,
      pendingOutputs: this.#outbox.pending,
      checkpoint: this.#running?.ledger.last.n ?? null,
      toRestore: this.#toRestore,
      openBreakers: this.#report.openBreakers,
      inputs: this.#running?.intake.queues().map(({ topic, position, endOffset, blocked }) => {
        const quarantine = this.#running?.quarantine.statusOf(topic);
        const waitsForSchema = blocked && quarantine === undefined ? true : undefined;
        return { topic, position, lag: endOffset - position, quarantine, waitsForSchema };
      }),
    };
  }

  /** Nothing more is fetched; what is decided is acknowledged and committed. @throws OwnershipLost */
  async drain(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#advance("drain");
    this.#running?.intake.close();
    if (wasRunning) await this.#running?.checkpointer.write();
    this.discard();
  }

  /**
   * Ends this ownership; nothing of it is written, said or applied any more.
   * @returns what the next ownership in this process may use (T4)
   */
  release(): TaskMemory | null {
    const memory = this.#memory;
    const running = this.#running;
    if (running !== null && this.#state === "running") {
      const { commands } = this.#context.topics;
      memory.standing = {
        positions: running.intake.positions(),
        marks: running.intake.marks(),
        unsent: this.#outbox.unsent(),
        saidTo: this.#outbox.acknowledgedTo(commands, this.number),
      };
    }
    this.discard();
    return memory.isWorthKeeping ? memory : null;
  }

  /** Gives the task up: memory, buffered records and unsent outputs are another owner's to make again. */
  discard(): void {
    this.#ownership.revoke();
    this.#advance("lost");
    this.#reader.close();
    this.#running?.intake.close(); // without a rejoin the client would go on fetching what nobody takes
    this.#running = null;
  }

  #advance(event: TaskEvent): void {
    this.#state = nextTaskState(this.#state, event);
  }
}
