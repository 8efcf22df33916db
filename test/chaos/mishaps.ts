// What people do to a cluster by mistake, and how it is put right: rights taken away and given back, a group's
// offsets deleted, a stranger's record in the state log, the state lost. Here processes may end by themselves, as long as they
// say why; and what the message says to do has to help.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { createKafkaLogs } from "../../src/adapters/kafka/logs.ts";
import { createKafkaProducer } from "../../src/adapters/kafka/producer.ts";
import { GROUP_ID, USER } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Fault, Scene } from "./faults.ts";

export const MISHAPS: readonly Fault[] = [
  { kind: "a right taken away", run: takeRight },
  { kind: "the group's offsets deleted", run: deleteOffsets },
  { kind: "a stranger's record in the state log", run: writeStrangely },
  { kind: "the state log lost", run: loseState },
];

interface Right {
  readonly resourceType: kafkajs.AclResourceTypes;
  readonly resourceName: string;
  readonly operation: kafkajs.AclOperationTypes;
}

const { TOPIC, GROUP } = kafkajs.AclResourceTypes;
const { ALL, READ, WRITE } = kafkajs.AclOperationTypes;
const { ALLOW, DENY } = kafkajs.AclPermissionTypes;
const { LITERAL } = kafkajs.ResourcePatternTypes;
const HOLDFAST = { principal: `User:${USER}`, host: "*", resourcePatternType: LITERAL };

const REMEDY = /holdfast recover/u;
const REFUSED_WITHIN_MS = 60_000;
const RECOVERED_WITHIN_MS = 60_000;
const LOOK_MS = 100;

function rightsOf({ topics }: Arena): Right[] {
  const writes = [topics.commands, topics.state, topics.deadLetter, topics.signals, topics.detections];
  return [
    ...writes.map((resourceName) => ({ resourceType: TOPIC, resourceName, operation: WRITE })),
    { resourceType: TOPIC, resourceName: topics.inputs[0]!.topic, operation: READ },
    { resourceType: TOPIC, resourceName: topics.decisions, operation: READ },
    { resourceType: GROUP, resourceName: GROUP_ID, operation: READ },
  ];
}

async function takeRight({ arena, random, brief }: Scene): Promise<void> {
  const { operation, ...resource } = random.pick(rightsOf(arena));
  arena.say(`  ${operation === READ ? "reading" : "writing"} ${resource.resourceName}`);
  await arena.expectingEnds(/AUTHORIZATION_FAILED/u, async () => {
    await administer(arena, (admin) =>
      admin.createAcls({
        acl: [
          // Whatever has an entry is closed but for what its entries allow.
          { ...HOLDFAST, ...resource, operation: ALL, permissionType: ALLOW },
          { ...HOLDFAST, ...resource, operation, permissionType: DENY },
        ],
      }),
    );
    await arena.sleep(brief ? 5_000 : 15_000);
    await administer(arena, (admin) =>
      admin.deleteAcls({
        filters: [ALLOW, DENY].map((permissionType) => ({
          ...HOLDFAST,
          ...resource,
          operation: permissionType === ALLOW ? ALL : operation,
          permissionType,
        })),
      }),
    );
    // Who was refused at the last moment has ended by then.
    await arena.sleep(1_000);
  });
}

async function deleteOffsets({ arena }: Scene): Promise<void> {
  await Promise.all(arena.running().map((slot) => arena.stop(slot)));
  await administer(arena, (admin) => patiently(() => admin.deleteGroups([GROUP_ID])));
  await refusedAndRecovered(arena);
}

/** Among the owner's own records, so that the checkpoint holds it. Once recovered, nobody stumbles over it again. */
async function writeStrangely({ arena, random }: Scene): Promise<void> {
  const producer = createKafkaProducer(arena.client);
  const partition = random.integer(0, arena.options.partitions - 1);
  await producer.send(arena.topics.state, partition, [
    { key: null, value: Buffer.from("who reads this?"), headers: {} },
  ]);
  producer.close();
  await arena.sleep(2_000);
  await killAll(arena);
  await refusedAndRecovered(arena);
  await arena.recover();
  await killAll(arena);
  for (const slot of arena.slots.slice(0, -1)) arena.start(slot);
}

/** What no checkpoint is left of is decided anew from the inputs, after what was said: RestoreStuck.md, the last row. */
async function loseState({ arena, random }: Scene): Promise<void> {
  await killAll(arena);
  const { state } = arena.topics;
  const lost = { topic: state, partition: random.integer(0, arena.options.partitions - 1) };
  const logs = createKafkaLogs(arena.client);
  const [range] = await logs.ranges([lost]);
  await logs.deleteRecords([{ ...lost, before: range!.end }]).finally(() => logs.close());
  await refused(arena);
  await assert.rejects(
    () => arena.command("recover", "--apply"),
    new RegExp(`lost +partition ${lost.partition}:`, "u"),
  );
  await administer(arena, async (admin) => {
    await patiently(() => admin.deleteGroups([GROUP_ID]));
    await admin.deleteTopics({ topics: [state] });
  });
  await patiently(() => arena.command("topics", "create"));
  await arena.learnTopicIds();
}

/** Nobody runs. Who starts refuses to, and says what to do; that is done. */
async function refusedAndRecovered(arena: Arena): Promise<void> {
  await refused(arena);
  // Until the brokers know that its members are gone.
  await patiently(() => arena.command("recover", "--apply"));
}

async function refused(arena: Arena): Promise<void> {
  const before = arena.expectedEnds.length;
  await arena.expectingEnds(REMEDY, async () => {
    const [first] = arena.slots;
    arena.start(first!);
    for (const deadline = performance.now() + REFUSED_WITHIN_MS; arena.expectedEnds.length === before;) {
      if (performance.now() > deadline) throw new Error("nobody refused to start");
      await arena.sleep(LOOK_MS);
    }
    await killAll(arena);
  });
}

async function killAll(arena: Arena): Promise<void> {
  await Promise.all(arena.slots.map((slot) => arena.kill(slot)));
}

async function administer(arena: Arena, run: (admin: kafkajs.Admin) => Promise<unknown>): Promise<void> {
  const admin = arena.client.admin();
  try {
    await admin.connect();
    await run(admin);
  } finally {
    await admin.disconnect();
  }
}

async function patiently(attempt: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + RECOVERED_WITHIN_MS; ; await sleep(LOOK_MS)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
