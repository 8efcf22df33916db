// What every adapter behind src/runtime/ports.ts owes the runtime: one suite, run on the memory broker and
// on a real one. Each test says one or two sentences of the ports' documentation; the sentences are in
// log-laws.ts, fetching-laws.ts and membership-laws.ts.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { finish, Member } from "./contract-world.ts";
import type { ContractWorld, Law } from "./contract-world.ts";
import { fetching } from "./fetching-laws.ts";
import { asking, producing } from "./log-laws.ts";
import { committing, joining } from "./membership-laws.ts";

/** @param open a new world for each test, with topics and a group of its own */
export function brokerContract(name: string, open: () => Promise<ContractWorld>): void {
  /** One test in a world of its own, which it leaves clean. */
  const law: Law = (sentence, body) => {
    test(sentence, { timeout: 120_000 }, async () => {
      const world = await open();
      const members: Member[] = [];
      const join = async (tasks: number): Promise<Member> => {
        const member = new Member(world.group());
        members.push(member);
        await member.group.start(member.listener());
        await world.until(() => member.assignments().at(-1)?.tasks.length === tasks, `a member gets ${tasks} tasks`);
        return member;
      };
      try {
        await body(world, join);
        for (const { seen } of members)
          assert.deepEqual(
            seen.filter(({ call }) => call === "failure"),
            [],
          );
      } finally {
        await Promise.all(members.map(({ group }) => finish(world, group.stop())));
        await world.close();
      }
    });
  };

  suite(`broker contract: ${name}`, () => {
    producing(law);
    asking(law);
    fetching(law);
    joining(law);
    committing(law);
  });
}
