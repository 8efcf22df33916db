// What must hold at every instant of a simulated world, checked by looking over the engine's shoulder: probes
// stand between it and its ports and core, and see only what passes there. Shares no code with what it
// judges but the ports' types. What must hold in the end is verdict.ts's.
//
// Invariants:
//   PR1  One memory of a task is given every record of a topic once, in offset order, and none is left out
//        but the bad ones.
//   PR2  Nothing is applied, sent or committed for a task unless its generation is the process's own and the
//        last heartbeat that was answered is younger than half the session time-out.
//   PR3  The committed checkpoint of a task only ever moves on: its number grows, no position goes back, and
//        what it needs of the state log is there.
//   PR4  An owner that has read what was said before its assignment does not decide it again, neither the same
//        command nor one of another case of the same rule and account while the first is in force.
//   PR5  What the committed checkpoint of a task would restore is what its owner remembers, group by group.
//   PR6  One memory says a command again once at most.

import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import type { Arrival } from "../../core/event.ts";
import type { Command } from "../../core/output.ts";
import type { OpenPartition, Partition } from "../../core/partition.ts";
import type { CommittedCheckpoint } from "../../runtime/checkpoint.ts";
import type { Group, Producer } from "../../runtime/ports.ts";
import type { TaskContext } from "../../runtime/task-context.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import { committedGroups } from "./committed-state.ts";
import type { Place } from "../processor-driver.ts";
import type { FaultyWorld } from "./faulty-world.ts";
import { isAccount } from "./scenario.ts";

export interface Problem {
  /** Which check found it: `outcome`, `PR1`, … */
  readonly check: string;
  readonly detail: string;
}

/** One memory of a task; which task's shows as soon as something is in it. */
interface Memory {
  readonly process: string;
  readonly partition: Partition;
  task: number | null;
}

export class Probes {
  readonly problems: Problem[] = [];
  readonly #bad = new Set<string>();
  readonly #committed = new Map<number, CommittedCheckpoint>();
  /** In the order they were made. */
  readonly #memories: Memory[] = [];
  #world: FaultyWorld | null = null;

  watch(world: FaultyWorld): void {
    this.#world = world;
  }

  problem(check: string, detail: string): void {
    if (this.problems.length < 20) this.problems.push({ check, detail });
  }

  /** A record that has to end in the dead letters. */
  bad({ topic, partition, offset }: Place): void {
    this.#bad.add(`${topic}/${partition}/${offset}`);
  }

  badPlaces(): string[] {
    return [...this.#bad].toSorted();
  }

  /** The same context with probes before the ports and the core. */
  readonly around = (context: TaskContext, process: string): TaskContext => {
    const { group } = context;
    const acting = (what: string): void => this.#mayAct(context, { process, what });
    const producer = (port: Producer): Producer => ({
      send: (topic, partition, records) => {
        acting(`send to ${topic}`);
        return port.send(topic, partition, records);
      },
    });
    return {
      ...context,
      producer: producer(context.producer),
      stateProducer: producer(context.stateProducer),
      group: over<Group>(group, {
        commit: (assignment, entries) => {
          acting("commit");
          if (assignment.generation !== group.generation())
            this.problem("PR2", `${process} commits for a generation gone by`);
          return group.commit(assignment, entries);
        },
      }),
      openPartition: this.#openPartition(context, process),
    };
  };

  /** PR3; called before every call to the broker is done. */
  lookAtCommits(): void {
    const world = this.#world;
    if (world === null) return;
    for (let task = 0; task < world.scenario.partitions; task++) {
      const now = world.committed(task);
      const before = this.#committed.get(task);
      if (now === null || (before !== undefined && now.n === before.n && now.writer === before.writer)) continue;
      this.#committed.set(task, now);
      const log = world.driver.broker.log({ topic: DRIVER_TOPICS.state, partition: task }).range();
      const short = `task ${task}, n ${now.n} by ${now.writer}`;
      if (now.base < now.head && (log.start > now.base || log.end < now.head)) {
        this.problem(
          "PR3",
          `${short} needs ${now.base} to ${now.head} of the state log, which is ${log.start} to ${log.end}`,
        );
      }
      if (before === undefined) continue;
      if (now.n <= before.n) this.problem("PR3", `${short} follows n ${before.n} by ${before.writer}`);
      for (const [topic, position] of Object.entries(before.positions)) {
        const moved = now.positions[topic];
        if (moved === undefined || moved < position) {
          this.problem("PR3", `${short}: ${topic} goes back from ${position} to ${moved}`);
        }
      }
    }
  }

  /** PR5; when everything is at rest. */
  compareMemories(): void {
    const world = this.#world!;
    for (let task = 0; task < world.scenario.partitions; task++) {
      const owner = world.ownerOf(task);
      const memory = this.#memories.findLast((each) => each.task === task && each.process === owner);
      if (memory === undefined) continue;
      const groups = committedGroups(world, task);
      for (const [group, state] of groups) {
        const remembered = memory.partition.encodeGroup(group);
        const what = `task ${task} of ${owner}: ${group}`;
        if (remembered === null) this.problem("PR5", `${what} would be restored and is not remembered`);
        else if (!state.equals(remembered))
          this.problem("PR5", `${what} would be restored otherwise than it is remembered`);
      }
      if (memory.partition.groups > groups.size) {
        this.problem(
          "PR5",
          `task ${task} of ${owner}: ${groups.size} of ${memory.partition.groups} groups would be restored`,
        );
      }
    }
  }

  /** Openings that have not ended, as the tasks' owners know them. */
  openBreakers(): string[] {
    const world = this.#world!;
    const tasks = Array.from({ length: world.scenario.partitions }, (_, task) => task);
    return tasks.flatMap((task) => {
      const memory = this.#memories.findLast((each) => each.task === task && each.process === world.ownerOf(task));
      if (memory === undefined) return [];
      const { breakers } = world.parts.stateCodec.decodePartition(Buffer.from(memory.partition.encode()));
      return breakers.flatMap(({ phase, openedBy, kind }) => (phase === "open" ? [`${openedBy}/breaker-${kind}`] : []));
    });
  }

  #taskOf(account: string): number {
    return murmur2Partitioner(Buffer.from(account), this.#world!.scenario.partitions);
  }

  /** PR2 */
  #mayAct({ group, clock, tuning }: TaskContext, { process, what }: { process: string; what: string }): void {
    const silent = clock.monotonic() - group.lastHeartbeatAt();
    if (group.generation() < 0) this.problem("PR2", `${process}: ${what} while it rejoins`);
    else if (silent >= tuning.sessionTimeoutMs / 2)
      this.problem("PR2", `${process}: ${what} ${silent} ms after its heartbeat`);
  }

  #openPartition(context: TaskContext, process: string): OpenPartition {
    return (options) => {
      const seen = new Map<string, number>();
      const repeated = new Set<string>();
      const assignedAt = this.#commandEnds();
      const partition = context.openPartition({
        ...options,
        emit: (outputs) => {
          const decided = outputs.isRepetition === true ? [] : outputs.commands;
          if (outputs.isRepetition === true) this.#repeats(outputs.commands, { process, repeated });
          for (const command of decided) this.#decided(command, { process, assignedAt });
          options.emit(outputs);
        },
      });
      const memory: Memory = { process, partition, task: null };
      this.#memories.push(memory);
      const given = ({ topic, partition: task, offset }: Arrival): void => {
        memory.task = task;
        this.#mayAct(context, { process, what: `apply of ${topic}` });
        this.#given({ topic, partition: task, offset }, { last: seen.get(topic), process });
        seen.set(topic, offset);
      };
      return over<Partition>(partition, {
        loadGroup: (group, state) => {
          if (isAccount(group)) memory.task ??= this.#taskOf(group);
          partition.loadGroup(group, state);
        },
        apply: (arrival, event, now) => {
          given(arrival);
          return partition.apply(arrival, event, now);
        },
        link: (arrival, fact) => {
          given(arrival);
          return partition.link(arrival, fact);
        },
      });
    };
  }

  /** PR1 */
  #given({ topic, partition, offset }: Place, by: { last: number | undefined; process: string }): void {
    if (by.last === undefined) return;
    const what = `${by.process}: ${topic}/${partition} offset ${offset} after ${by.last}`;
    if (offset <= by.last) this.problem("PR1", `${what}: given before`);
    for (let left = by.last + 1; left < offset; left++) {
      if (!this.#bad.has(`${topic}/${partition}/${left}`)) this.problem("PR1", `${what}: ${left} is left out`);
    }
  }

  /** PR6 */
  #repeats(commands: readonly Command[], by: { process: string; repeated: Set<string> }): void {
    for (const { commandId } of commands) {
      if (by.repeated.has(commandId)) this.problem("PR6", `${by.process} says ${commandId} a third time`);
      by.repeated.add(commandId);
    }
  }

  #commandEnds(): number[] {
    const world = this.#world!;
    return Array.from({ length: world.scenario.partitions }, (_, partition) =>
      world.driver.broker.log({ topic: DRIVER_TOPICS.commands, partition }).end(),
    );
  }

  /** PR4 */
  #decided(command: Command, by: { process: string; assignedAt: readonly number[] }): void {
    const { driver, desk } = this.#world!;
    const partition = this.#taskOf(command.accountId);
    const ended = desk?.ended;
    for (const record of driver.broker.records(DRIVER_TOPICS.commands, partition)) {
      if (record.offset >= by.assignedAt[partition]!) break;
      const said = driver.commandIn(record);
      if (said.ruleId !== command.ruleId || said.accountId !== command.accountId) continue;
      if (said.caseId !== command.caseId && (ended?.has(said.caseId) === true || command.action === "RELEASE"))
        continue;
      if (said.caseId === command.caseId ? said.commandId !== command.commandId : !overlap(said, command)) continue;
      this.problem(
        "PR4",
        `${by.process} decides ${command.commandId} although ${said.commandId} was said and in force`,
      );
    }
  }
}

function overlap(a: Command, b: Command): boolean {
  return a.issuedAt < (b.expiresAt ?? b.issuedAt) && b.issuedAt < (a.expiresAt ?? a.issuedAt);
}

/** `whole` with some methods in place of its own; the others are called on it. */
function over<T extends object>(whole: T, own: Partial<T>): T {
  return new Proxy(whole, {
    get(target, key) {
      const value: unknown = own[key as keyof T] ?? Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

export function makeProbes(): Probes {
  return new Probes();
}
