// The example enforcer as a real process on a real broker: every command applied once and acknowledged, however
// often it or the process comes again.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DAY } from "../../src/core/time.ts";
import { command } from "../cli/case/records.ts";
import { cluster } from "../cluster.ts";
import { ask, openFloor, startEnforcer, temporaryDirectory, until } from "./floor.ts";

const kafka = cluster();

test(
  "commands are applied once and acknowledged each time, also over a kill -9 at any moment",
  { skip: kafka.skip, timeout: 120_000 },
  async (t) => {
    const floor = await openFloor(t, kafka);
    const ledger = join(temporaryDirectory(t), "ledger.sqlite");
    const now = Date.now();
    const freezes = Array.from({ length: 60 }, (_, index) => {
      const accountId = `account-${index}`;
      const caseId = `${accountId}/sequence/e3`;
      return command({ accountId, caseId, commandId: `${caseId}/e3/0`, issuedAt: now, expiresAt: now + DAY });
    });
    const statusesOf = async (): Promise<Map<string, string[]>> => {
      const acks = Map.groupBy(await floor.all("acks"), ({ commandId }) => commandId);
      return new Map([...acks].map(([id, own]) => [id, own.map(({ status }) => status)]));
    };

    const first = await startEnforcer(t, floor, ledger);
    for (const freeze of freezes.slice(0, 30)) await floor.write("commands", freeze);
    // Killed somewhere between the first acknowledgement and the last.
    await until(async () => (await statusesOf()).size > 0, { what: "the first acknowledgement", processes: [first] });
    await first.kill();
    for (const freeze of freezes.slice(20)) await floor.write("commands", freeze);

    const second = await startEnforcer(t, floor, ledger);
    const allAnswered = async (): Promise<boolean> => (await statusesOf()).size === freezes.length;
    await until(allAnswered, { what: "an acknowledgement of every command", processes: [second] });
    for (const [commandId, statuses] of await statusesOf()) {
      const rest = statuses.slice(1);
      // Killed after applying and before acknowledging, the first that is heard is of the second time.
      assert.ok(["APPLIED", "ALREADY_APPLIED"].includes(statuses[0]!), commandId);
      assert.ok(
        rest.every((status) => status === "ALREADY_APPLIED"),
        `${commandId}: ${statuses.join()}`,
      );
    }
    assert.equal(await ask(second, { accountId: "account-59", kind: "WITHDRAWAL", channel: "FIAT" }), "closed");
    assert.equal(await ask(second, { accountId: "account-60", kind: "WITHDRAWAL", channel: "FIAT" }), "open");

    const release = {
      ...freezes[7]!,
      commandId: `${freezes[7]!.caseId}/release/d1`,
      action: "RELEASE",
      expiresAt: null,
    } as const;
    await floor.write("commands", release);
    await floor.write("commands", freezes[7]!);
    const seven = { accountId: "account-7", kind: "WITHDRAWAL", channel: "ON_CHAIN" };
    await until(async () => (await ask(second, seven)) === "open", { what: "the release", processes: [second] });
    await second.kill("SIGTERM");
  },
);
