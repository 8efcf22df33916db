// What startLocalCluster takes and refuses without starting anything.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { freePorts } from "../../../src/adapters/local-cluster/free-ports.ts";
import { NoLocalCluster, startLocalCluster } from "../../../src/adapters/local-cluster/local-cluster.ts";

const options = { brokers: 1, directory: "never-made", onProgress: () => {} } as const;

test("a cluster that is named is used, and its brokers are not ours to kill", async () => {
  const cluster = await startLocalCluster({
    ...options,
    env: { HOLDFAST_KAFKA_BROKERS: "a:1, b:2", HOLDFAST_REGISTRY_URL: "http://r/apis/ccompat/v7/" },
  });
  assert.equal(cluster.kind, "external");
  assert.deepEqual(cluster.bootstrap, ["a:1", "b:2"]);
  assert.equal(cluster.registryUrl, "http://r/apis/ccompat/v7");
  assert.deepEqual(cluster.processes, []);
  await assert.rejects(cluster.killBroker(0), /not ours/u);
  await cluster.stop();
});

for (const [given, missing] of [
  ["HOLDFAST_KAFKA_BROKERS", "HOLDFAST_REGISTRY_URL"],
  ["HOLDFAST_REGISTRY_URL", "HOLDFAST_KAFKA_BROKERS"],
] as const) {
  test(`${given} alone is refused, with the name of the other`, async () => {
    const starting = startLocalCluster({ ...options, env: { [given]: "x" } });
    await assert.rejects(
      starting,
      (error) => error instanceof NoLocalCluster && error.message.includes(`${missing} is not`),
    );
  });
}

test("free ports differ from each other, and are none that the system gives to somebody else meanwhile", async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  assert.deepEqual(
    ports.filter((port) => port < 1_024 || port >= 32_768),
    [],
  );
});
