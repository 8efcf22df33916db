// Who is dropped when there is no room, and what is reported of it (account-table.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import { AccountTable } from "../../src/core/account-table.ts";
import { Account } from "../../src/core/account.ts";

function open(limit: number): {
  table: AccountTable;
  dropped: string[];
  meet: (...ids: string[]) => void;
  taken: () => (readonly [string, boolean])[];
} {
  const dropped: string[] = [];
  const table = new AccountTable({
    limit,
    onReplaced: () => {},
    onDropped: (account) => dropped.push(account?.id ?? "at rest"),
    wake: (id) => new Account(id, null),
  });
  const meet = (...ids: string[]): void => {
    for (const id of ids) if (table.hear(id) === undefined) table.add(new Account(id, null));
  };
  const taken = (): (readonly [string, boolean])[] =>
    table.takeChanged(() => new Uint8Array(1)).map(({ group, state }) => [group, state !== null]);
  return { table, dropped, meet, taken };
}

const entryOf = (rule: string): Account["memories"][number] =>
  ({ rule, matchHash: "h", keepUntil: 0, entries: [] }) as unknown as Account["memories"][number];
const caseOf = (closed: boolean): Account["cases"][number] => ({ closed }) as unknown as Account["cases"][number];

test("who was heard of again stays, who was not goes, the first one first", () => {
  const { dropped, meet, table } = open(4);
  meet("a", "b", "c", "d", "a", "c");
  meet("e", "f");
  assert.deepEqual(dropped, ["b", "d"]);
  assert.equal(table.size, 4);
});

test("a flood of accounts met once drops its own, not those that are active", () => {
  const { dropped, meet } = open(100);
  const regulars = Array.from({ length: 60 }, (_, n) => `regular-${n}`);
  meet(...regulars, ...regulars);
  for (let n = 0; n < 2_000; n++) meet(`once-${n}`, regulars[n % 60]!);
  assert.deepEqual(
    dropped.filter((id) => id.startsWith("regular")),
    [],
  );
});

test("an open case is never dropped, a partial match only when nearly everything has one (AT1)", () => {
  const { table, dropped, meet } = open(10);
  meet(...Array.from({ length: 10 }, (_, n) => `a${n}`));
  for (const [n, account] of [...table.values()].entries()) {
    if (n < 5) account.cases = [caseOf(false)];
    else account.memories = [entryOf("r")];
  }
  const meetWithMatch = (...ids: string[]): void => {
    for (const id of ids) {
      meet(id);
      table.get(id)!.memories = [entryOf("r")];
    }
  };
  meetWithMatch("b0", "b1");
  assert.deepEqual(dropped, [], "there is nobody to drop");
  meetWithMatch("b2", "b3", "b4");
  assert.deepEqual(dropped, ["a5", "a6", "a7"], "too many: partial matches go, open cases stay");
});

test("restored with more than there is room for, it comes down to the limit as new accounts come", () => {
  const { table, meet } = open(10);
  for (let n = 0; n < 30; n++) table.load(`restored-${n}`, new Account(`restored-${n}`, null));
  assert.equal(table.size, 30);
  for (let n = 0; n < 25; n++) meet(`new-${n}`);
  assert.equal(table.size, 10);
});

test("an account at rest is found like any other, and goes before those that were heard of (AT2, AT3)", () => {
  const { table, dropped, meet, taken } = open(3);
  table.load("a", new Account("a", null));
  for (const id of ["a", "b", "c"]) table.rest(id, "");
  assert.deepEqual([table.size, [...table.values()].length], [3, 0], "each once, and nobody has to come across them");
  meet("b");
  assert.deepEqual([table.size, table.restingAs("b"), table.restingAs("c")], [3, undefined, ""]);
  meet("d", "e");
  assert.deepEqual([table.size, dropped], [3, ["at rest", "at rest"]]);
  assert.deepEqual(taken(), [
    ["a", false],
    ["c", false],
  ]);
  table.rest("b", "newer");
  assert.equal(table.restingAs("b"), "newer");
  table.load("b", null);
  assert.equal(table.get("b"), undefined);
});

test("a dropped account is reported removed, one that comes back is reported as it is (AT2)", () => {
  const { table, meet, taken } = open(2);
  meet("a", "b");
  for (const account of table.values()) table.markChanged(account);
  assert.deepEqual(taken(), [
    ["a", true],
    ["b", true],
  ]);
  table.markChanged(table.get("a")!);
  meet("c");
  assert.deepEqual(taken(), [["a", false]]);
  meet("d");
  meet("b");
  const back = table.get("b")!;
  table.markChanged(back);
  const reported = taken();
  assert.deepEqual(new Map(reported).get("b"), true);
  assert.equal(reported.filter(([id]) => id === "b").length, 1);
  assert.deepEqual(taken(), []);
});
