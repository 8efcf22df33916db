// What one run of a world has left behind, in a form that two runs can be compared by: everything said, by id,
// the dead letters by place, and what the committed checkpoints would restore.

import type { Command, Detection } from "../../core/output.ts";
import type { RecordHeaders } from "../../runtime/ports.ts";
import type { Signal } from "../../core/signal.ts";
import { committedGroups } from "./committed-state.ts";
import type { FaultyWorld } from "./faulty-world.ts";

export interface Outcome {
  /** By command id; what one id says is told apart where it differs. */
  readonly commands: Readonly<Record<string, string>>;
  /** By kind and case. */
  readonly detections: Readonly<Record<string, string>>;
  /** `topic/partition/offset` of the records they hold, and why. */
  readonly deadLetters: Readonly<Record<string, string>>;
  /** `task group` → encoded state. */
  readonly state: Readonly<Record<string, string>>;
  /** `account rule ACTION` of everything said. */
  readonly protections: readonly string[];
  /** Cases ended by a RELEASE. */
  readonly released: readonly string[];
  /** The links told to accounts: rule, group and account. */
  readonly links: readonly string[];
  /** `account rule` of every case announced. */
  readonly announced: readonly string[];
}

/** @param apart rules whose own doings are left out */
export function outcomeOf(world: FaultyWorld, apart: ReadonlySet<string>): Outcome {
  const { driver } = world;
  const isCompared = ({ ruleId }: { readonly ruleId: string }): boolean => !apart.has(ruleId);
  const commands = driver.commands().filter(isCompared);
  const detections = driver.detections().filter(isCompared);
  return {
    commands: byId(commands.map((command) => [command.commandId, command])),
    detections: byId(
      detections.map((detection) => [`${detection.kind} ${detection.caseId}`, announcementOf(detection)]),
    ),
    deadLetters: Object.fromEntries(driver.deadLetters().map(({ headers }) => [placeOf(headers), reasonOf(headers)])),
    state: committedState(world),
    protections: distinct(commands.filter(({ action }) => action !== "RELEASE").map(protectionOf)),
    released: distinct(commands.flatMap(({ action, caseId }) => (action === "RELEASE" ? [caseId] : []))),
    links: distinct(driver.signals().flatMap((signal) => (signal.type === "LINKED" ? [linkOf(signal)] : []))),
    announced: distinct(detections.map(({ group, ruleId }) => `${group["accountId"]} ${ruleId}`)),
  };
}

/** Without its evidence: whoever announces a case again, having adopted it, may know more of it by then. */
function announcementOf({ kind, caseId, ruleId, ruleHash, level, mode, group, decidedBy }: Detection): object {
  return { kind, caseId, ruleId, ruleHash, level, mode, group, decidedBy };
}

export function protectionOf({ accountId, ruleId, action }: Command): string {
  return `${accountId} ${ruleId} ${action}`;
}

/** Which of the account's facts came first may differ where topics are read in another order. */
function linkOf({ ruleId, group, accountId }: Signal): string {
  return [ruleId, ...Object.values(group), accountId].join(" ");
}

function reasonOf(headers: RecordHeaders): string {
  return `${String(headers["holdfast-reason"])} ${String(headers["holdfast-detail"])}`;
}

function placeOf(headers: RecordHeaders): string {
  return ["holdfast-topic", "holdfast-partition", "holdfast-offset"].map((name) => String(headers[name])).join("/");
}

function byId(said: readonly (readonly [string, unknown])[]): Record<string, string> {
  const texts = Map.groupBy(said, ([id]) => id);
  return Object.fromEntries(
    Array.from(texts, ([id, each]) => [id, distinct(each.map(([, value]) => JSON.stringify(value))).join(" or ")]),
  );
}

export function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}

function committedState(world: FaultyWorld): Record<string, string> {
  const tasks = Array.from({ length: world.scenario.partitions }, (_, task) => task);
  return Object.fromEntries(
    tasks.flatMap((task) =>
      [...committedGroups(world, task)].map(([group, state]) => [`${task} ${group}`, state.toString("hex")] as const),
    ),
  );
}
