// How a test gets the broker and the registry. Started once for the whole run by `npm test`, or by hand
// with `npm run kafka -- up`; found in the environment. Without them the test is skipped with the reason.

import { randomUUID } from "node:crypto";
import { env } from "node:process";

export interface TestCluster {
  /** For node:test's `skip` option: false, or why there is nothing to run against. */
  readonly skip: string | false;
  readonly brokers: readonly string[];
  /** The registry's Confluent-compatible API, without a slash at the end. */
  readonly registryUrl: string;
  /** Fresh at each call: put it before every topic, subject and group, so that tests share one broker. */
  readonly prefix: string;
}

/** `const kafka = cluster(); test("…", { skip: kafka.skip }, async () => { … kafka.brokers … });` */
export function cluster(): TestCluster {
  const brokers = env["HOLDFAST_KAFKA_BROKERS"];
  const registryUrl = env["HOLDFAST_REGISTRY_URL"];
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  if (brokers && registryUrl) {
    return { skip: false, brokers: brokers.split(","), registryUrl: registryUrl.replace(/\/+$/u, ""), prefix };
  }
  const skip =
    env["HOLDFAST_TEST_SKIP"] ?? "no broker: run `npm test`, or `npm run kafka -- up` and export what it prints";
  return { skip, brokers: [], registryUrl: "", prefix };
}
