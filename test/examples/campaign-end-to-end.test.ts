// A campaign against real processes: one gang, forty accounts behind the network of an honest carrier, two
// instances of Holdfast of which one is killed in the middle. Hours of it are appended in seconds; before an
// account's third step the test waits for its hold, so what decides is which events it took, not how fast it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import type { Command } from "../../src/core/output.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import type { Instant } from "../../src/core/time.ts";
import { makeCampaign, USUAL_CAMPAIGN } from "../../src/testing/exchange/campaign.ts";
import { makeLedger } from "../../src/testing/exchange/enforcer.ts";
import { rejected } from "../../src/testing/exchange/story.ts";
import type { Posting } from "../../src/testing/exchange/story.ts";
import { cluster } from "../cluster.ts";
import { metric, openFloor, startHoldfast, until } from "./floor.ts";

const kafka = cluster();
/** Topics of one exchange are no further apart than this: well within the allowed lateness. */
const STRETCH = 5 * MINUTE;

test(
  "forty accounts, one network: each is held before its third step though an instance dies, no customer of the carrier is",
  { skip: kafka.skip, timeout: 180_000 },
  async (t) => {
    const floor = await openFloor(t, kafka);
    const { documents } = await readRules("rules");
    const linkedAndStarted = documents.find(({ name }) => name === "linked_and_started")!.id;
    const from = Date.now() - 5 * HOUR;
    const campaign = makeCampaign({ ...USUAL_CAMPAIGN, seed: 1, shares: "network", from });
    const victims = new Set(campaign.takeovers.map(({ account }) => account.id));
    const [doomed, survivor] = [await startHoldfast(t, floor), await startHoldfast(t, floor)];
    const processes = [doomed, survivor];
    for (const each of processes) {
      const hasTasks = async (): Promise<boolean> => ((await metric(each, "assigned_tasks")) ?? 0) > 0;
      await until(hasTasks, { what: "both have tasks", processes });
    }
    const commands: Command[] = [];
    const ledger = makeLedger();
    await floor.hear("commands", (command) => {
      commands.push(command);
      ledger.apply(command);
    });
    const isHeld = (accountId: string): boolean =>
      commands.some(
        (each) => each.accountId === accountId && each.action === "HOLD" && each.ruleId === linkedAndStarted,
      );

    await floor.appendAll(campaign.past());
    let stretch: Posting[] = [];
    let beganAt: Instant = from;
    const flush = async (): Promise<void> => {
      await floor.appendAll(stretch);
      stretch = [];
    };
    const left: string[] = [];
    let thirdSteps = 0;
    for (const posting of campaign.live()) {
      const { at, event, settles } = posting;
      const isVictim = victims.has(event.accountId);
      if (at > beganAt + STRETCH) {
        await flush();
        beganAt = at;
      }
      if (isVictim && event.type === "WITHDRAWAL_REQUESTED") {
        await flush();
        thirdSteps += 1;
        if (thirdSteps === victims.size / 2) await doomed.kill();
        await until(() => isHeld(event.accountId), {
          what: `${event.accountId} held before its third step`,
          processes,
        });
      }
      const isClosed = settles !== null && ledger.closing(settles, at).length > 0;
      if (isVictim && settles !== null && !isClosed) left.push(event.accountId);
      stretch.push(isClosed ? rejected(posting) : posting);
    }
    await flush();
    const hasReadAll = async (): Promise<boolean> =>
      (await metric(survivor, "assigned_tasks")) === 3 && (await metric(survivor, "lag_records")) === 0;
    await until(hasReadAll, { what: "everything is read", processes });

    assert.equal(thirdSteps, victims.size);
    assert.deepEqual(left, []);
    const all = await floor.all("commands");
    const reasons = new Set(campaign.oddities.filter(({ story }) => story.mayHold).map(({ account }) => account.id));
    const surprised = all.filter(({ accountId, ruleId }) => {
      return !victims.has(accountId) && (ruleId === linkedAndStarted || !reasons.has(accountId));
    });
    assert.deepEqual(surprised, []);
    for (const [commandId, said] of Map.groupBy(all, (command) => command.commandId)) {
      const meanings = new Set(said.map(meaningOf));
      assert.equal(meanings.size, 1, `${commandId} means ${[...meanings].join(" and ")}`);
    }
  },
);

/** What an enforcer does because of it. */
function meaningOf({ accountId, caseId, action, scopes, targets, effectiveAt, expiresAt }: Command): string {
  return JSON.stringify([accountId, caseId, action, scopes, targets, effectiveAt, expiresAt]);
}
