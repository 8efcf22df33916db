// How the loop ends (worker.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskContext } from "../../src/runtime/task-context.ts";
import type { Telemetry } from "../../src/runtime/telemetry.ts";
import { openDriver, startReady } from "./driver-fixture.ts";

test("a bug in a step ends the process with it, and the group is left: the next owner waits for no session's end (W3)", async () => {
  const around = (context: TaskContext, name: string): TaskContext => {
    const emit: Telemetry["emit"] = (event, fields) => {
      if (name === "first" && event === "records.processed") throw new Error("a bug");
      context.telemetry.emit(event, fields);
    };
    return { ...context, telemetry: { emit } };
  };
  const driver = await openDriver({ around });
  const first = await startReady(driver, "first");
  const second = driver.start("second");
  await driver.advance(5_000);
  assert.equal(second.reports("task.running").length, 0);
  driver.produce({ accountId: "alice", type: "LOGOUT" });
  await driver.advance(3_000);
  const end = first.end();
  assert.ok(end.how === "failed");
  assert.equal(String(end.error), "Error: a bug");
  assert.equal(second.reports("task.running").length, 1);
});
