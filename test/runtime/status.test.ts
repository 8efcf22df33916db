// What `/status` says of a running processor: its rules, where each input stands, which breakers are open.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSet } from "../../src/core/rule.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { openDriver, startReady } from "./driver-fixture.ts";

const RULE_ID = "5d6a3b8e-0f43-4f0c-9a37-5c8d3a6c1a05";

function everybody(): RuleSet {
  const text = `title: Everybody
id: ${RULE_ID}
logsource: { product: exchange, service: auth }
detection: { s: { type: LOGIN_SUCCEEDED }, condition: s }
holdfast: { respond: [{ freeze: [WITHDRAW], for: 24h, reason: TEST }] }
`;
  return loadRules([{ path: "r.yml", text }]).rules!;
}

interface Status {
  readonly rules: { readonly count: number; readonly hash: string };
  readonly tasks: readonly {
    readonly task: number;
    readonly accounts: number;
    readonly openBreakers: readonly string[];
    readonly inputs: readonly {
      readonly topic: string;
      readonly position: number;
      readonly lag: number;
      readonly waitsForSchema?: boolean;
    }[];
  }[];
}

test("rules, positions and open breakers", async () => {
  const rules = everybody();
  const bound = { floor: 5, holdFloor: 50, window: 10 * MINUTE, hold: HOUR };
  const breaker = { ...bound, fraction: 0.005, linkedFraction: 0.05, holdFraction: 0.05 };
  const driver = await openDriver({ rules, settings: { breaker } });
  const processor = await startReady(driver, "first");
  const status = (): Status => processor.status() as Status;
  assert.deepEqual(status().rules, { count: 1, hash: rules.hash });
  assert.deepEqual(status().tasks[0]!.openBreakers, []);
  for (let index = 0; index < 20; index++) driver.produce({ accountId: `a${index}`, type: "LOGIN_SUCCEEDED" });
  await driver.advance(2_000);
  const [task] = status().tasks;
  assert.deepEqual(task!.openBreakers, [RULE_ID]);
  assert.equal(task!.accounts, 20);
  const auth = task!.inputs.find(({ topic }) => topic === "auth-events")!;
  assert.deepEqual([auth.position, auth.lag], [20, 0]);
});

test("an input that waits for its schema, until the schema is there or given up", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const waiting = (): (boolean | undefined)[] =>
    (processor.status() as Status).tasks[0]!.inputs.map(({ waitsForSchema }) => waitsForSchema);
  assert.ok(waiting().every((each) => each === undefined));
  driver.produceRaw("withdrawal-events", 0, { key: Buffer.from("alice"), value: Buffer.from([0, 0, 0, 9, 9, 1]) });
  await driver.advance(2_000);
  const { inputs } = (processor.status() as Status).tasks[0]!;
  assert.deepEqual(
    inputs.filter(({ waitsForSchema }) => waitsForSchema === true).map(({ topic, lag }) => [topic, lag]),
    [["withdrawal-events", 1]],
  );
  await driver.advance(2 * MINUTE);
  assert.ok(waiting().every((each) => each === undefined));
});
