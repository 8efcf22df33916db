// The links' oracle against what the stories' author meant, whoever of the members comes first.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import { linksOf, startedOf } from "./links.ts";
import type { Appended, Occurrence } from "./occurrence.ts";
import { expectationsOf } from "./oracle.ts";
import { playStory, STORY_NAMES } from "./stories.ts";
import type { Member } from "./stories.ts";

const BEGIN = Date.UTC(2026, 10, 22, 12);
const LATER_MS = 60_000;

/** By account: everything its member does, the last step too. */
function appendedOf(members: readonly Member[]): Map<string, Appended[]> {
  return new Map(
    members.map(({ script: { steps, later } }, member) => {
      const last = later === undefined ? [] : [{ ...later.step, at: LATER_MS, appendAt: LATER_MS }];
      const events = [...steps, ...last].map(({ type, fields, at, appendAt }, index) => ({
        occurrence: {
          eventId: `m${member}e${index}`,
          accountId: `m${member}`,
          type,
          occurredAt: BEGIN + at,
          ...fields,
        },
        appendedAt: BEGIN + appendAt,
      }));
      return [`m${member}`, events];
    }),
  );
}

for (const name of STORY_NAMES) {
  test(`the story "${name}" links and holds whom its author meant, and nobody else`, () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const members = playStory(seededRandom(seed), name);
      const accounts = appendedOf(members);
      const links = linksOf(accounts);
      const held = startedOf(accounts, links);
      const named = (wanted: (member: Member) => boolean): string[] =>
        members.flatMap((member, index) => (wanted(member) ? [`m${index}`] : []));
      assert.deepEqual(
        links.map(({ accountId }) => accountId).toSorted(),
        named(({ isLinked }) => isLinked),
      );
      assert.deepEqual(
        held.map(({ accountId }) => accountId).toSorted(),
        named(({ script: { says, later } }) => (later?.says ?? says) === "chaos_started"),
      );
      for (const { open, deciders, since } of held) {
        assert.equal(open, false);
        assert.ok(deciders.length > 0);
        assert.ok([...accounts.values()].flat().some(({ appendedAt }) => appendedAt === since));
      }
      // No other rule speaks.
      for (const [accountId, events] of accounts) assert.deepEqual(expectationsOf(accountId, events), []);
    }
  });
}

const at = (account: string, seconds: number, fields: Partial<Occurrence>): [string, Appended[]] => [
  account,
  [
    {
      occurrence: {
        eventId: `${account} ${seconds}`,
        accountId: account,
        type: "LOGIN_SUCCEEDED",
        occurredAt: BEGIN + seconds * 1_000,
        verifiedWith: ["SMS"],
        ...fields,
      },
      appendedAt: BEGIN + seconds * 1_000,
    },
  ],
];

test("an hour links, its end included", () => {
  const first = at("a", 0, { deviceId: "d" });
  assert.equal(linksOf(new Map([first, at("b", 3_600, { deviceId: "d" })])).length, 2);
  assert.equal(linksOf(new Map([first, at("b", 3_600.001, { deviceId: "d" })])).length, 0);
});

test("a link carries the time of any fact that may have told of it", () => {
  const links = linksOf(new Map(["a", "b", "c"].map((id, index) => at(id, index, { deviceId: "d" }))));
  const times = links.map(({ eventIds, at: possible }) => [
    eventIds[0],
    possible.map((time) => (time - BEGIN) / 1_000),
  ]);
  assert.deepEqual(times, [
    ["chaos_shared_device/d/a/a%200", [1, 2]],
    ["chaos_shared_device/d/b/b%201", [1, 2]],
    ["chaos_shared_device/d/c/c%202", [2]],
  ]);
});
