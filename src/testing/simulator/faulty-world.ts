// One simulated world at work: a memory broker, instances in slots, a scenario's records and the faults, all on
// one hand-moved clock. Owns who runs in which slot and when it is calm; what must hold meanwhile is probes.ts's,
// what must hold in the end verdict.ts's.
//
//   0 ────────── records and faults ────────── length ── calm: everybody thawed, every call done ──► settled
//   ── everybody told to stop, another starts from what is committed ──► settled again

import type { BrokerCall, Fate, Picker } from "../../adapters/memory/wire.ts";
import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import type { BreakerSettings } from "../../core/breaker.ts";
import type { ExchangeService } from "../../core/event.ts";
import type { CoreSettings } from "../../core/partition.ts";
import type { Duration } from "../../core/time.ts";
import { HOUR, MINUTE, SECOND } from "../../core/time.ts";
import { parseCheckpoint } from "../../runtime/checkpoint.ts";
import type { CommittedCheckpoint } from "../../runtime/checkpoint.ts";
import { readTopics } from "../../runtime/topics.ts";
import { seededRandom } from "../exchange/random.ts";
import type { DrivenProcessor } from "../driven-processor.ts";
import { createProcessorDriver, DRIVER_TOPICS, serviceOf, topicOf } from "../processor-driver.ts";
import type { Place, ProcessorDriver, ProcessorDriverOptions } from "../processor-driver.ts";
import { Desk } from "./desk.ts";
import { isRuleChange } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { ABSENCE_GRACE, ABSENCE_SPAN } from "./absences.ts";
import { makeProbes } from "./probes.ts";
import type { Probes } from "./probes.ts";
import { registerReleases, releasesOf } from "./releases.ts";
import type { ChangedRules, RuleChange } from "./rule-changes.ts";
import { closingPostings } from "./scenario.ts";
import type { Posting, Scenario } from "./scenario.ts";

/** What every world is made of: rules, schemas, codecs. */
export type WorldParts = Pick<
  ProcessorDriverOptions,
  "rules" | "schemas" | "openPartition" | "stateCodec" | "stateLogCodec"
> & { readonly ruleChanges: Readonly<Record<RuleChange, ChangedRules>> };

const SESSION_MS: Duration = 3 * SECOND;
/** Within so much calm everything has to be done; the same as is promised of a real cluster. */
const RECOVERY_MS: Duration = 30 * SECOND;
/** After everything was read: for what time alone decides, and the last checkpoint. */
const AFTERMATH_MS: Duration = 2_500;
/** Short, so that what nobody answers is said again within a run. */
const ACK_TIMEOUT_MS: Duration = 2 * SECOND;
/** Of holds; accounts under `auth` alone are never frozen. */
export const BREAKER: BreakerSettings = {
  fraction: 0,
  linkedFraction: 0,
  holdFraction: 0,
  floor: 2,
  holdFloor: 2,
  window: 10 * MINUTE,
  hold: HOUR,
};
const LOOK_EVERY_MS: Duration = 250;
const LOST = { disposition: "retry", code: "CONNECTION" } as const;
const REFUSED = { disposition: "halt", code: "REGISTRY_REFUSED" } as const;

interface Slot {
  processor: DrivenProcessor;
  /** Ends by itself and is not replaced: a guest that was told to stop. */
  guest: boolean;
}

export class FaultyWorld {
  readonly driver: ProcessorDriver;
  readonly parts: WorldParts;
  readonly scenario: Scenario;
  readonly probes: Probes;
  /** Who hears the commands; null: nobody. */
  readonly desk: Desk | null;
  /** Calls made so far by kind, for drawing faults from. */
  readonly calls: Map<string, number> = new Map();
  /** Every processor that ever ran here. */
  readonly processors: DrivenProcessor[] = [];
  readonly #faults: readonly Fault[];
  readonly #slots: Slot[] = [];
  readonly #stalls: { readonly channel: string; readonly suffix: string; readonly until: number }[] = [];
  readonly #away = new Map<string, number>();
  /** Until when the registry does so. */
  readonly #registry = { down: 0, refuses: 0, denies: 0 };
  /** The latest of each task: asked for at every call. */
  readonly #parsed = new Map<number, { metadata: string; checkpoint: CommittedCheckpoint | null }>();
  #calm = false;
  #named = 0;

  constructor(
    driver: ProcessorDriver,
    probes: Probes,
    of: { parts: WorldParts; scenario: Scenario; faults: readonly Fault[] },
  ) {
    this.driver = driver;
    this.parts = of.parts;
    this.probes = probes;
    this.scenario = of.scenario;
    const hasDesk = of.scenario.spread === "decided cases" || of.scenario.spread === "closed breakers";
    this.desk = hasDesk ? new Desk(driver, of.scenario.seed) : null;
    this.#faults = of.faults;
  }

  /** Runs the scenario to its end, and the calm after it until nothing moves; problems go to the probes. */
  async run(): Promise<void> {
    const { broker } = this.driver;
    broker.onCall((call) => this.#fateOf(call));
    for (let slot = 0; slot < this.scenario.instances; slot++) this.#slots.push(this.#start());
    for (const posting of this.scenario.postings) broker.clock.alarm(posting.at, () => this.#post(posting));
    for (const fault of this.#faults) this.#plan(fault);
    await broker.advance(this.scenario.length);
    this.#becomeCalm();
    await this.#settle();
    for (const posting of closingPostings(this.scenario)) this.#post(posting);
    await this.#settle();
    await broker.advance(AFTERMATH_MS);
    if (this.scenario.spread === "absences") await broker.advance(ABSENCE_SPAN + ABSENCE_GRACE);
    this.probes.compareMemories();
    await this.#succeed();
    this.probes.compareMemories();
    for (const { process, end } of this.processors.map((each) => ({ process: each.process, end: each.end() }))) {
      if (end.how === "failed") this.probes.problem("running", `${process.name} ended: ${String(end.error)}`);
    }
  }

  /** All that is restored is restored by somebody who saw nothing of it. */
  async #succeed(): Promise<void> {
    for (const { processor } of this.#slots.splice(0)) processor.stop();
    this.#slots.push(this.#start());
    await this.#settle();
    await this.driver.broker.advance(AFTERMATH_MS);
  }

  async #settle(): Promise<void> {
    const { broker } = this.driver;
    const deadline = broker.clock.monotonic() + RECOVERY_MS;
    while (!this.#settled() && broker.clock.monotonic() < deadline) await broker.advance(LOOK_EVERY_MS);
    if (this.#settled()) return;
    this.probes.problem("progress", `not settled ${RECOVERY_MS} ms after the faults: ${this.#standing()}`);
  }

  /** The committed checkpoint of a task; null: none that can be read. */
  committed(task: number): CommittedCheckpoint | null {
    const [found] = this.driver.broker
      .coordinator(this.driver.groupId)
      .committed([{ topic: DRIVER_TOPICS.state, partition: task }]);
    if (found === undefined || found.offset < 0) return null;
    const known = this.#parsed.get(task);
    if (known?.metadata === found.metadata) return known.checkpoint;
    const parsed = parseCheckpoint(found.metadata);
    const checkpoint = "problem" in parsed ? null : parsed;
    this.#parsed.set(task, { metadata: found.metadata, checkpoint });
    return checkpoint;
  }

  /** Of the processes that run: who has the task; null: nobody has said so. */
  ownerOf(task: number): string | null {
    const owners = this.processors.filter(
      (each) => each.ready() && each.reports("group.assigned").at(-1)?.tasks.includes(task),
    );
    return owners.at(-1)?.process.name ?? null;
  }

  /** The wire's choice of what moves next: first come or shuffled, stalled connections left out. */
  picker(shuffled: ((count: number) => number) | null): (ready: readonly string[]) => number {
    return (ready) => {
      const now = this.driver.broker.clock.monotonic();
      const stalls = this.#stalls.filter(({ until }) => until > now);
      if (stalls.length === 0) return shuffled?.(ready.length) ?? 0;
      const moving = ready.flatMap((name, index) =>
        stalls.some(({ channel, suffix }) => name.startsWith(channel) && name.endsWith(suffix)) ? [] : [index],
      );
      return moving.length === 0 ? -1 : moving[shuffled?.(moving.length) ?? 0]!;
    };
  }

  #start(guest = false): Slot {
    const processor = this.driver.start(`p${(this.#named += 1)}`);
    this.processors.push(processor);
    return { processor, guest };
  }

  #post({ accountId, timestamp, content }: Posting): void {
    if ("event" in content) {
      const { event, release } = content;
      const schema = releasesOf(this.parts.schemas)[release]!(serviceOf(event.type));
      this.driver.produce(event, timestamp, schema);
    } else this.probes.bad(this.#postGarbage({ ...content, accountId, timestamp }));
  }

  #postGarbage(of: { service: ExchangeService; garbage: string; accountId: string; timestamp: number }): Place {
    const key = Buffer.from(of.accountId);
    const record = { key, value: Buffer.from(of.garbage), timestamp: of.timestamp };
    return this.driver.produceRaw(topicOf(of.service), murmur2Partitioner(key, this.scenario.partitions), record);
  }

  #plan(fault: Fault): void {
    if (!("at" in fault)) return;
    this.#at(fault.at, () => {
      switch (fault.kind) {
        case "kill":
        case "stop":
          return this.#replace(fault.slot, fault.kind, fault.downFor);
        case "freeze":
          return this.#freeze(this.#slots[fault.slot]!.processor, fault.lasts);
        case "join": {
          const guest = this.#start(true);
          this.#slots.push(guest);
          return this.#at(fault.at + fault.lasts, () => guest.processor.stop());
        }
        case "outage": {
          const name = fault.slot === "all" ? "" : this.#slots[fault.slot]!.processor.process.name;
          this.#away.set(name, Math.max(this.#away.get(name) ?? 0, fault.at + fault.lasts));
          return undefined;
        }
        case "stall": {
          const { name } = this.#slots[fault.slot]!.processor.process;
          const suffix = fault.direction === "requests" ? ">" : "<";
          return this.#stall(`${name}/${fault.connection}`, suffix, fault.lasts);
        }
        case "registry":
          return this.#disturbRegistry(fault.how, fault.at + fault.lasts);
        case "reload":
          return this.#reload(this.#slots[fault.slot]!.processor, fault.change);
        case "clock":
          return this.#slots[fault.slot]!.processor.process.skewBy(fault.by);
      }
    });
  }

  #disturbRegistry(how: "down" | "refuses" | "denies", until: Duration): void {
    this.#registry[how] = Math.max(this.#registry[how], until);
    if (how !== "denies") return;
    this.driver.registry.lags = true;
    this.#at(until, () => (this.driver.registry.lags = this.#registry.denies > until));
  }

  #stall(channel: string, suffix: string, lasts: Duration): void {
    const until = this.driver.broker.clock.monotonic() + lasts;
    this.#stalls.push({ channel, suffix, until });
    this.#at(until, () => {}); // so that time does not pass over its end
  }

  #at(at: Duration, act: () => void): void {
    this.driver.broker.clock.alarm(at, act);
  }

  #replace(slot: number, how: "kill" | "stop", downFor: Duration): void {
    const { processor } = this.#slots[slot]!;
    if (how === "kill") processor.kill();
    else {
      processor.thaw(); // one that is stopped cannot end
      processor.stop();
    }
    const { clock } = this.driver.broker;
    this.#at(clock.monotonic() + downFor, () => {
      const current = this.#slots[slot]!;
      if (current.processor === processor) this.#slots[slot] = this.#start(current.guest);
    });
  }

  #reload(processor: DrivenProcessor, change: RuleChange): void {
    if (processor.process.alive()) processor.replaceRules(this.parts.ruleChanges[change].rules);
  }

  #freeze(processor: DrivenProcessor, lasts: Duration): void {
    processor.freeze();
    this.#at(this.driver.broker.clock.monotonic() + lasts, () => processor.thaw());
  }

  #fateOf(call: BrokerCall): Fate | undefined {
    this.probes.lookAtCommits();
    const kind = call.topic === undefined ? call.kind : `${call.kind} ${call.topic}`;
    const nth = this.calls.get(kind) ?? 0;
    this.calls.set(kind, nth + 1);
    if (this.#calm) return undefined;
    const now = this.driver.broker.clock.monotonic();
    const away = Math.max(this.#away.get("") ?? 0, this.#away.get(call.process) ?? 0);
    if (now < away) return { applied: false, answer: LOST };
    if (call.kind === "registry" && now < this.#registry.down) return { applied: false, answer: LOST };
    // Whoever starts would end, and be started again by what runs it: as with one that is down.
    if (call.kind === "registry" && now < this.#registry.refuses) {
      const runs = this.processors.some(({ process, prepared }) => process.name === call.process && prepared);
      return { applied: false, answer: runs ? REFUSED : LOST };
    }
    const fault = this.#faults.find(
      (each) => each.kind === "call" && each.call === kind && nth >= each.nth && nth < each.nth + each.times,
    );
    return fault?.kind === "call" ? this.#hit(call, fault) : undefined;
  }

  #hit({ process, kind }: BrokerCall, { done, after, lateBy }: Fault & { kind: "call" }): Fate {
    // A commit is not that late: nothing fences it but the order on its connection.
    if (done === "late" && kind === "send") this.#stall(`network/${process}/producer-`, "", lateBy);
    const slot = this.#slots.findIndex(({ processor }) => processor.process.name === process);
    if (slot < 0 || after === "answer lost") return { applied: done, answer: LOST };
    if (after === "frozen" || isRuleChange(after)) {
      const { processor } = this.#slots[slot]!;
      if (after === "frozen") this.#freeze(processor, 2 * SESSION_MS);
      else this.#reload(processor, after);
      return { applied: done, answer: done === false ? LOST : "result" };
    }
    this.#replace(slot, "kill", SECOND);
    return { applied: done, answer: "none" };
  }

  #becomeCalm(): void {
    this.#calm = true;
    for (const { processor, guest } of this.#slots) {
      processor.thaw();
      if (guest) processor.stop();
    }
    for (const [slot, { processor, guest }] of this.#slots.entries()) {
      if (!guest && (!processor.process.alive() || processor.end().how === "stopped"))
        this.#slots[slot] = this.#start();
    }
  }

  /** Everybody has what is theirs, and everything ever produced is read and committed. */
  #settled(): boolean {
    const stays = this.#slots.filter(({ guest }) => !guest);
    if (this.desk?.busy === true || !stays.every(({ processor }) => processor.ready())) return false;
    return Array.from({ length: this.scenario.partitions }, (_, task) => task).every((task) => {
      const positions = this.committed(task)?.positions;
      return readTopics(DRIVER_TOPICS).every(
        ({ topic }) => positions?.[topic] === this.driver.broker.log({ topic, partition: task }).end(),
      );
    });
  }

  #standing(): string {
    const processes = this.#slots.map(
      ({ processor }) => `${processor.process.name} ${JSON.stringify(processor.end().how)}`,
    );
    const tasks = Array.from({ length: this.scenario.partitions }, (_, task) => JSON.stringify(this.committed(task)));
    return [...processes, ...tasks].join("; ");
  }
}

/** A world ready to run. */
export async function openWorld(
  parts: WorldParts,
  of: { readonly scenario: Scenario; readonly faults: readonly Fault[] },
): Promise<FaultyWorld> {
  const shuffle = of.faults.find((fault) => fault.kind === "shuffle");
  const fetches = of.faults.find((fault) => fault.kind === "small fetches");
  const random = shuffle === undefined ? null : seededRandom(shuffle.seed);
  const shuffled = random === null ? null : (count: number): number => random.integer(0, count - 1);
  const probes = makeProbes();
  let picker: Picker = () => 0;
  const driver = await createProcessorDriver({
    ...parts,
    partitions: of.scenario.partitions,
    tuning: { sessionTimeoutMs: SESSION_MS, stateLogSlackBytes: of.scenario.stateLogSlackBytes },
    settings: settingsOf(of.scenario),
    maxFetchRecords: fetches?.records ?? 500,
    pick: (ready) => picker(ready),
    around: probes.around,
    registryOf: (process, registry) => process.registry(registry),
  });
  await registerReleases(driver, { ...parts, services: DRIVER_TOPICS.inputs.map(({ service }) => service) });
  const world = new FaultyWorld(driver, probes, { ...of, parts });
  picker = world.picker(shuffled);
  probes.watch(world);
  return world;
}

function settingsOf({ spread, maxAccounts }: Scenario): Partial<CoreSettings> {
  if (spread === "decided cases") return { maxAccounts, ackTimeout: ACK_TIMEOUT_MS };
  if (spread === "absences") return { maxAccounts, absenceGrace: ABSENCE_GRACE };
  if (spread === "open breakers" || spread === "closed breakers") return { maxAccounts, breaker: BREAKER };
  return { maxAccounts };
}
