// The broker contract on the memory adapter.

import assert from "node:assert/strict";
import { createMemoryBroker } from "../../src/adapters/memory/broker.ts";
import { brokerContract } from "./broker-contract.ts";
import type { ContractWorld } from "./contract-world.ts";

const GROUP = {
  groupId: "contract",
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 500,
  rebalanceTimeoutMs: 10_000,
};
/** Time allowed for one condition, on the broker's clock. */
const DEADLINE_MS = 60_000;
const STEP_MS = 50;

function openWorld(): Promise<ContractWorld> {
  const broker = createMemoryBroker({ topics: { alpha: 2, beta: 2 } });
  const outside = broker.connect("outside");
  let members = 0;
  return Promise.resolve({
    topics: ["alpha", "beta"],
    clock: broker.clock,
    producer: outside.producer(),
    logs: outside.logs(),
    group: () => broker.connect(`member-${(members += 1)}`).group({ ...GROUP, topics: ["alpha", "beta"] }),
    async until(holds, what) {
      await broker.settle();
      for (let waited = 0; !holds(); waited += STEP_MS) {
        assert.ok(waited < DEADLINE_MS, `not within ${DEADLINE_MS} ms: ${what}`);
        await broker.advance(STEP_MS);
      }
    },
    expel(member) {
      broker.coordinator(GROUP.groupId).leave(member);
      return Promise.resolve();
    },
    deleteBefore(topic, partition, offset) {
      broker.log({ topic, partition }).deleteBefore(offset);
      return Promise.resolve();
    },
    appendControl(topic, partition) {
      broker.appendControl({ topic, partition });
      return Promise.resolve();
    },
    createAnew(topic) {
      broker.createAnew(topic);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
}

brokerContract("memory", openWorld);
