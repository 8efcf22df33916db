// The faults of a chaos run, one row each: what it is called, what it needs, and what it does until it is
// over. A fault undoes what it did; that everything runs again afterwards is the arena's recover().

import type { Random } from "../../src/testing/exchange/random.ts";
import { SESSION_TIMEOUT_MS } from "./arena.ts";
import type { Arena, Slot } from "./arena.ts";
import type { Enforcer } from "./enforcer.ts";
import { MISHAPS } from "./mishaps.ts";
import { SOURCES } from "./occurrence.ts";
import { writeBomb } from "./poison.ts";
import type { RegistryMood } from "./registry-proxy.ts";
import type { KafkaRequest, Loss } from "./tcp-proxy.ts";
import { WAVE } from "./waves.ts";
import type { Workload } from "./workload.ts";

export interface Scene {
  readonly arena: Arena;
  readonly workload: Workload;
  readonly enforcer: Enforcer;
  readonly random: Random;
  /** Accounts of a partition that the breaker lets one rule freeze. */
  readonly breakerBound: number;
  /** A run of a minute or two: what may be short is short. */
  readonly brief: boolean;
}

export interface Fault {
  readonly kind: string;
  /** It needs three brokers. */
  readonly cluster?: true;
  /** Two of these would be in each other's way. */
  readonly stopsBrokers?: true;
  /** Too long for a brief run. */
  readonly long?: true;
  readonly run: (scene: Scene) => Promise<void>;
}

/** Kafka's numbers of requests. */
const PRODUCE = 0;
const FETCH = 1;
const OFFSET_COMMIT = 8;
const OFFSET_FETCH = 9;
const JOIN_GROUP = 11;

type Moment = (arena: Arena) => (request: KafkaRequest) => boolean;

const MOMENTS: Readonly<Record<string, Moment>> = {
  "a command's append": ({ topics }) => naming(PRODUCE, topics.commands),
  "an append to the state log": ({ topics }) => naming(PRODUCE, topics.state),
  "a commit": () => naming(OFFSET_COMMIT),
};

const OPENING: Readonly<Record<string, Moment>> = {
  "joining the group": () => naming(JOIN_GROUP),
  "asking for its checkpoint": () => naming(OFFSET_FETCH),
  "reading the state log": ({ topics, topicIds }) => naming(FETCH, topicIds.get(topics.state)),
  "reading what was said": ({ topics, topicIds }) => naming(FETCH, topicIds.get(topics.commands)),
};

const MOODS: readonly Exclude<RegistryMood, "well">[] = ["down", "silent", "slow", "failing", "wrong"];
const STRUCK_WITHIN_MS = 10_000;

const SINGLE: readonly Fault[] = [
  { kind: "kill -9", run: killOne },
  { kind: "kill -9, twice in a row", run: killTwice },
  ...Object.entries(MOMENTS).flatMap(([moment, at]): Fault[] => [
    { kind: `kill -9 before ${moment}`, run: (scene) => killAt(scene, { at, loss: "drop" }) },
    { kind: `kill -9 after ${moment}`, run: (scene) => killAt(scene, { at, loss: "answer" }) },
    { kind: `connection lost before ${moment}`, run: (scene) => disconnectAt(scene, { at, loss: "drop" }) },
    { kind: `connection lost after ${moment}`, run: (scene) => disconnectAt(scene, { at, loss: "answer" }) },
  ]),
  { kind: "kill -9 while a command's append is held up", run: killHeldUp },
  ...Object.entries(OPENING).map(([moment, at]): Fault => ({
    kind: `kill -9, and again while ${moment}`,
    run: (scene) => killOpening(scene, at),
  })),
  { kind: "SIGSTOP past the session time-out", run: (scene) => pause(scene, SESSION_TIMEOUT_MS + 3_000) },
  { kind: "SIGSTOP for a moment", run: (scene) => pause(scene, scene.random.integer(500, 5_500)) },
  { kind: "kill -9 of all instances", run: killAll },
  { kind: "instances restarted one by one", run: restartInstances },
  { kind: "instances join and leave", run: joinAndLeave },
  { kind: "one instance, then all", long: true, run: scale },
  { kind: "broker killed", stopsBrokers: true, run: killBroker },
  { kind: "all brokers down", stopsBrokers: true, run: killBrokers },
  { kind: "brokers restarted one by one", stopsBrokers: true, cluster: true, long: true, run: restartBrokers },
  { kind: "two of three brokers down", stopsBrokers: true, cluster: true, run: killMajority },
  { kind: "start without brokers", stopsBrokers: true, long: true, run: startWithoutBrokers },
  { kind: "an instance cut off", run: cutOff },
  { kind: "an instance's requests held up", run: (scene) => holdUp(scene, "requests") },
  { kind: "an instance's answers held up", run: (scene) => holdUp(scene, "answers") },
  { kind: "slow network", run: slowNetwork },
  ...MOODS.map((mood): Fault => ({ kind: `registry ${mood}`, run: (scene) => registryFault(scene, mood) })),
  { kind: WAVE, run: wave },
  { kind: "a wave of freezes, and kill -9 after a command's append", run: waveAndKill },
  { kind: "the enforcer down past its time-out", run: silenceEnforcer },
  { kind: "nothing but poison", run: poisonBurst },
  { kind: "batches that expand without measure", run: bombs },
  { kind: "a flood of accounts", run: ({ workload, brief }) => workload.flood(brief ? 5_000 : 50_000) },
  { kind: "commands cannot be appended, and an instance joins", run: refuseJoining },
  { kind: "commands cannot be appended", run: (scene) => refuse(scene, scene.arena.topics.commands) },
  { kind: "state cannot be appended", run: (scene) => refuse(scene, scene.arena.topics.state) },
  { kind: "dead letters cannot be appended", run: (scene) => refuse(scene, scene.arena.topics.deadLetter) },
];

export const FAULTS: readonly Fault[] = [...SINGLE, ...MISHAPS, { kind: "two faults at once", run: twoAtOnce }];

/** @param topic its name; of fetches its id */
function naming(apiKey: number, topic?: string): (request: KafkaRequest) => boolean {
  const bytes = topic === undefined ? Buffer.alloc(0) : Buffer.from(topic, apiKey === FETCH ? "base64url" : "utf8");
  return (request) => request.apiKey === apiKey && request.bytes.includes(bytes);
}

function victimOf({ arena, random }: Scene): Slot {
  const running = arena.running();
  // Beside another fault there may be none.
  return random.pick(running.length > 0 ? running : arena.slots);
}

async function killOne(scene: Scene): Promise<void> {
  const victim = victimOf(scene);
  await scene.arena.kill(victim);
  await scene.arena.sleep(scene.random.integer(0, 3_000));
  scene.arena.start(victim);
}

async function killTwice(scene: Scene): Promise<void> {
  const { arena, random } = scene;
  const victim = victimOf(scene);
  for (const down of [0, 300]) {
    await arena.kill(victim);
    await arena.sleep(down);
    arena.start(victim);
    await arena.sleep(random.integer(300, 3_000));
  }
}

/** Strikes at the first request of its kind that any instance makes. */
async function strikeAt(
  { arena }: Scene,
  given: { slots: readonly Slot[]; at: Moment; loss: Loss; strike: (slot: Slot) => void },
): Promise<Slot | undefined> {
  const { promise, resolve } = Promise.withResolvers<Slot | undefined>();
  const matches = given.at(arena);
  const watches = given.slots.flatMap((slot) =>
    slot.proxies.map((proxy) =>
      proxy.watch(matches, given.loss, () => {
        for (const watch of watches) watch.end();
        given.strike(slot);
        resolve(slot);
      }),
    ),
  );
  try {
    return await Promise.race([promise, arena.sleep(STRUCK_WITHIN_MS).then(() => undefined)]);
  } finally {
    for (const watch of watches) watch.end();
  }
}

async function killAt(scene: Scene, given: { at: Moment; loss: Loss }): Promise<void> {
  const { arena, random } = scene;
  let killed: Promise<void> | undefined;
  const slots = arena.running();
  const victim = await strikeAt(scene, { ...given, slots, strike: (slot) => void (killed = arena.kill(slot)) });
  if (victim === undefined) return arena.say("it did not come to that");
  await killed;
  await arena.sleep(random.integer(0, 1_500));
  arena.start(victim);
}

/** Whatever goes on without the command's acknowledgement has two seconds for it. */
async function killHeldUp(scene: Scene): Promise<void> {
  const { arena } = scene;
  const at = MOMENTS["a command's append"]!;
  const victim = await strikeAt(scene, { slots: arena.running(), at, loss: "swallow", strike: () => {} });
  if (victim === undefined) return arena.say("it did not come to that");
  await arena.sleep(2_000);
  await arena.kill(victim);
  arena.start(victim);
}

async function disconnectAt(scene: Scene, given: { at: Moment; loss: Loss }): Promise<void> {
  const struck = await strikeAt(scene, { ...given, slots: scene.arena.running(), strike: () => {} });
  if (struck === undefined) scene.arena.say("it did not come to that");
}

/** The first time after a command of which no checkpoint tells yet, so that there is something to adopt. */
async function killOpening(scene: Scene, at: Moment): Promise<void> {
  const { arena } = scene;
  const said = { at: MOMENTS["a command's append"]!, loss: "answer" } as const;
  let killed: Promise<void> | undefined;
  const slots = arena.running();
  const victim = await strikeAt(scene, { ...said, slots, strike: (slot) => void (killed = arena.kill(slot)) });
  await killed;
  if (victim === undefined) return arena.say("it did not come to that");
  const striking = strikeAt(scene, {
    at,
    loss: scene.random.pick(["drop", "answer"]),
    slots: [victim],
    strike: (slot) => void arena.kill(slot),
  });
  arena.start(victim);
  if ((await striking) === undefined) return arena.say("it did not come to that");
  await arena.sleep(200);
  arena.start(victim);
}

async function refuseJoining(scene: Scene): Promise<void> {
  const { arena, random } = scene;
  const refusing = refuse(scene, arena.topics.commands);
  await arena.sleep(random.integer(500, 2_500));
  arena.start(arena.slots.at(-1)!);
  await refusing;
}

/** Two of the others, side by side. */
async function twoAtOnce(scene: Scene): Promise<void> {
  const choice = SINGLE.filter(({ cluster }) => cluster !== true || scene.arena.options.brokers === 3);
  const first = scene.random.pick(choice);
  const second = scene.random.pick(choice.filter(({ stopsBrokers }) => stopsBrokers !== true || !first.stopsBrokers));
  const two = [first, second];
  scene.arena.say(`  ${two.map(({ kind }) => kind).join(", ")}`);
  await Promise.all(two.map((fault) => fault.run(scene)));
}

/** Whoever tries to append to this topic loses the connection, for a while. */
async function refuse(scene: Scene, topic: string): Promise<void> {
  const slots = scene.arena.running();
  const at: Moment = () => naming(PRODUCE, topic);
  for (const end = performance.now() + (scene.brief ? 5_000 : 15_000); performance.now() < end;) {
    await strikeAt(scene, { slots, at, loss: scene.random.pick(["drop", "answer"]), strike: () => {} });
  }
}

async function pause(scene: Scene, ms: number): Promise<void> {
  const { instance } = victimOf(scene);
  instance.pause();
  await scene.arena.sleep(ms).finally(() => instance.resume());
}

async function killAll({ arena, random }: Scene): Promise<void> {
  const all = arena.running();
  await Promise.all(all.map((slot) => arena.kill(slot)));
  await arena.sleep(random.integer(0, 2_000));
  for (const slot of all) arena.start(slot);
}

async function restartInstances({ arena }: Scene): Promise<void> {
  for (const slot of arena.running()) {
    await arena.stop(slot);
    arena.start(slot);
    await arena.sleep(1_500);
  }
}

async function joinAndLeave({ arena, random, brief }: Scene): Promise<void> {
  const spare = arena.slots.at(-1)!;
  for (let times = brief ? 3 : 20; times > 0; times -= 1) {
    arena.start(spare);
    await arena.sleep(random.integer(500, 3_000));
    if (random.chance(0.5)) await arena.stop(spare);
    else await arena.kill(spare);
    await arena.sleep(random.integer(0, 1_000));
  }
}

async function scale({ arena }: Scene): Promise<void> {
  const [first, ...others] = arena.slots;
  for (const slot of others) await arena.stop(slot);
  arena.start(first!);
  await arena.sleep(5_000);
  for (const slot of others) arena.start(slot);
  await arena.sleep(8_000);
  for (const slot of others) await arena.stop(slot);
  await arena.sleep(5_000);
}

async function killBroker({ arena, random }: Scene): Promise<void> {
  const broker = random.integer(0, arena.options.brokers - 1);
  await arena.cluster.killBroker(broker);
  await arena.sleep(random.integer(500, 4_000));
  await arena.cluster.restartBroker(broker);
}

async function killBrokers({ arena, brief }: Scene): Promise<void> {
  const brokers = Array.from({ length: arena.options.brokers }, (_, broker) => broker);
  await Promise.all(brokers.map((broker) => arena.cluster.killBroker(broker)));
  await arena.sleep(brief ? 8_000 : 70_000);
  await Promise.all(brokers.map((broker) => arena.cluster.restartBroker(broker)));
}

async function restartBrokers({ arena }: Scene): Promise<void> {
  for (let broker = 0; broker < arena.options.brokers; broker += 1) {
    await arena.cluster.restartBroker(broker);
    await arena.sleep(5_000);
  }
}

/** One in-sync replica is too few for acks of all: nothing can be appended. */
async function killMajority({ arena, random, brief }: Scene): Promise<void> {
  const left = random.integer(0, 2);
  const brokers = [0, 1, 2].filter((broker) => broker !== left);
  await Promise.all(brokers.map((broker) => arena.cluster.killBroker(broker)));
  await arena.sleep(brief ? 5_000 : 20_000);
  await Promise.all(brokers.map((broker) => arena.cluster.restartBroker(broker)));
}

async function startWithoutBrokers(scene: Scene): Promise<void> {
  const { arena } = scene;
  const all = arena.running();
  await Promise.all(all.map((slot) => arena.kill(slot)));
  const brokers = Array.from({ length: arena.options.brokers }, (_, broker) => broker);
  await Promise.all(brokers.map((broker) => arena.cluster.killBroker(broker)));
  for (const slot of all) arena.start(slot);
  await arena.sleep(8_000);
  await Promise.all(brokers.map((broker) => arena.cluster.restartBroker(broker)));
}

async function cutOff(scene: Scene): Promise<void> {
  const { proxies } = victimOf(scene);
  for (const proxy of proxies) proxy.cut();
  await scene.arena.sleep(scene.random.integer(2_000, SESSION_TIMEOUT_MS + 6_000));
  for (const proxy of proxies) proxy.heal();
}

async function holdUp(scene: Scene, direction: "requests" | "answers"): Promise<void> {
  const { proxies } = victimOf(scene);
  for (const proxy of proxies) proxy.stall(direction);
  await scene.arena.sleep(scene.random.integer(2_000, SESSION_TIMEOUT_MS + 6_000));
  for (const proxy of proxies) proxy.heal();
}

async function slowNetwork({ arena, random, brief }: Scene): Promise<void> {
  const proxies = arena.slots.flatMap((slot) => slot.proxies);
  const ms = random.integer(50, 400);
  for (const proxy of proxies) proxy.slow(ms);
  await arena.sleep(brief ? 5_000 : 20_000);
  for (const proxy of proxies) proxy.heal();
}

/** Meanwhile a producer's schema changes, and a process starts. */
async function registryFault(scene: Scene, mood: RegistryMood): Promise<void> {
  const { arena, workload, random, brief } = scene;
  arena.registry.mood = mood;
  await workload.newSchema(random.pick(SOURCES));
  const victim = victimOf(scene);
  if (random.chance(0.5)) {
    await arena.kill(victim);
    arena.start(victim);
  }
  await arena.sleep(brief ? 5_000 : 25_000);
  arena.registry.mood = "well";
}

/** Half as many again as its breaker lets out, and some more while it may be open. */
async function wave({ arena, workload, random, breakerBound }: Scene): Promise<void> {
  const partition = random.integer(0, arena.options.partitions - 1);
  await workload.wave({ partition, count: Math.ceil(1.5 * breakerBound) });
  await arena.sleep(random.integer(0, 6_000));
  await workload.wave({ partition, count: Math.ceil(0.25 * breakerBound) });
}

async function waveAndKill(scene: Scene): Promise<void> {
  await Promise.all([wave(scene), killAt(scene, { at: MOMENTS["a command's append"]!, loss: "answer" })]);
}

/** It comes back to commands that were said twice meanwhile. */
async function silenceEnforcer({ arena, enforcer }: Scene): Promise<void> {
  enforcer.isDown = true;
  await arena.sleep(1.25 * enforcer.timeoutMs).finally(() => (enforcer.isDown = false));
}

async function poisonBurst({ arena, workload, random, brief }: Scene): Promise<void> {
  const partition = random.integer(0, arena.options.partitions - 1);
  const source = random.pick(SOURCES);
  await workload.burst(source, { partition, count: brief ? 300 : 1_500 });
}

async function bombs({ arena, random, brief }: Scene): Promise<void> {
  for (let left = brief ? 2 : 5; left > 0; left -= 1) {
    const source = random.pick(SOURCES);
    const { topic } = arena.topics.inputs.find(({ service }) => service === source)!;
    await writeBomb(arena.cluster.bootstrap, { topic, partition: random.integer(0, arena.options.partitions - 1) });
  }
}
