// What the log of commands shows of the responding in the end of a world, whatever it went through: a protection
// that no service answered was said again, the same; no rule protected more accounts of a task than its breaker
// lets; what a person closed of a breaker is closed, and told.

import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import type { Command } from "../../core/output.ts";
import type { Fault } from "./faults.ts";
import { BREAKER } from "./faulty-world.ts";
import type { FaultyWorld } from "./faulty-world.ts";
import type { Problem } from "./probes.ts";

export function judgeProtections(world: FaultyWorld, faults: readonly Fault[]): Problem[] {
  const { spread } = world.scenario;
  if (spread === "open breakers") return tooMany(world);
  if (spread === "closed breakers") return notClosed(world);
  // Patience is counted by the wall clock.
  const isTimed = !faults.some(({ kind }) => kind === "clock");
  return spread === "decided cases" && isTimed ? unsaid(world) : [];
}

function unsaid({ driver, desk }: FaultyWorld): Problem[] {
  const byId = Map.groupBy(driver.commands(), ({ commandId }) => commandId);
  return Array.from(byId, ([id, copies]) => ({ id, copies })).flatMap(({ id, copies }) => {
    const [first] = copies as [Command, ...Command[]];
    const texts = new Set(copies.map((copy) => JSON.stringify(copy)));
    if (texts.size > 1) return [{ check: "said again", detail: `${id} is not the same each time` }];
    const isOver = desk?.ended.has(first.caseId) === true || desk?.answered.has(id) === true;
    if (isOver || !isProtection(first) || copies.length > 1) return [];
    return [{ check: "said again", detail: `${id} was never answered, and said once` }];
  });
}

/** All of a world's events lie within one window of the breaker. */
function tooMany({ driver, scenario }: FaultyWorld): Problem[] {
  const full = driver.commands().filter((each) => isProtection(each) && !each.commandId.endsWith("-breaker-hold"));
  const taskOf = ({ accountId }: Command): number => murmur2Partitioner(Buffer.from(accountId), scenario.partitions);
  const byRule = Map.groupBy(full, (command) => `task ${taskOf(command)}, rule ${command.ruleId}`);
  return Array.from(byRule, ([of, commands]) => ({ of, accounts: new Set(commands.map((each) => each.accountId)) }))
    .filter(({ accounts }) => accounts.size > BREAKER.holdFloor)
    .map(({ of, accounts }) => ({ check: "breaker", detail: `${of} protects ${[...accounts].join(", ")}` }));
}

/** A person's word about an opening ends it for good. */
function notClosed({ driver, desk, probes }: FaultyWorld): Problem[] {
  const told = new Set(driver.detections().flatMap(({ kind, caseId }) => (kind === "BREAKER_CLOSED" ? [caseId] : [])));
  const untold = [...(desk?.closed ?? [])].filter((id) => !told.has(id)).map((id) => `${id} is closed and nobody told`);
  const open = probes.openBreakers().filter((id) => desk?.closed.has(id) === true);
  return [...untold, ...open.map((id) => `${id} is open although a person closed it`)].map((detail) => ({
    check: "breaker",
    detail,
  }));
}

function isProtection({ action }: Command): boolean {
  return action === "HOLD" || action === "FREEZE";
}
