// One seed of the simulator: a scenario told once without faults and once with, and what is wrong with the
// second. Owns the pairing; a failing one is shortened to the faults, and then the accounts, that it takes.

import { seededRandom } from "../exchange/random.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import { ABSENCE_REASON } from "./absences.ts";
import { ADDED_REASON } from "./rule-changes.ts";
import type { Fault } from "./faults.ts";
import { changesOf, drawFaults } from "./faults.ts";
import { openWorld } from "./faulty-world.ts";
import type { FaultyWorld, WorldParts } from "./faulty-world.ts";
import { outcomeOf } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import type { Problem } from "./probes.ts";
import { drawScenario } from "./scenario.ts";
import type { Posting, Scenario } from "./scenario.ts";
import { judgeProtections } from "./protections-said.ts";
import { shrink } from "./shrink.ts";
import { judgeOutcome } from "./verdict.ts";

/** So many fault lists meet the same scenario before the next is drawn. */
const SEEDS_A_SCENARIO = 5;

export interface Simulated {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  /** Empty: everything held. */
  readonly problems: readonly Problem[];
  /** What happened, by name and how often: that a run was no walk in the park. */
  readonly tally: Readonly<Record<string, number>>;
}

interface Calm {
  readonly scenario: Scenario;
  readonly outcomeWithout: (apart: ReadonlySet<string>) => Outcome;
  readonly calls: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
}

export interface Simulator {
  /** Deterministic: the same seed gives the same. */
  run(seed: number): Promise<Simulated>;
  /** The least of a failing one that still fails. */
  shorten(failed: Simulated): Promise<Simulated>;
}

export function createSimulator(parts: WorldParts): Simulator {
  let latest: Calm | null = null;
  const calmOf = async (scenarioSeed: number): Promise<Calm> => {
    if (latest?.scenario.seed !== scenarioSeed) latest = await runCalm(drawScenario(scenarioSeed), parts);
    return latest;
  };
  return {
    async run(seed) {
      const calm = await calmOf(Math.floor(seed / SEEDS_A_SCENARIO));
      const { scenario, calls } = calm;
      const faults = drawFaults(seededRandom(`faults ${seed}`), { ...scenario, calls });
      return { seed, scenario, faults, ...(await runFaulty(calm, faults, parts)) };
    },
    async shorten({ seed, scenario, faults }) {
      const calm = await runCalm(scenario, parts);
      const fewer = await shrink(faults, async (part) => (await runFaulty(calm, part, parts)).problems.length > 0);
      const postings = await shrink(scenario.postings, async (part) => {
        const smaller = await runCalm({ ...scenario, postings: part }, parts);
        return (await runFaulty(smaller, fewer, parts)).problems.length > 0;
      });
      const least = await runCalm({ ...scenario, postings }, parts);
      return { seed, scenario: least.scenario, faults: fewer, ...(await runFaulty(least, fewer, parts)) };
    },
  };
}

async function runCalm(scenario: Scenario, parts: WorldParts): Promise<Calm> {
  const world = await runWorld(scenario, [], parts);
  const all = outcomeOf(world, new Set());
  const outcomeWithout = (apart: ReadonlySet<string>): Outcome => (apart.size === 0 ? all : outcomeOf(world, apart));
  return { scenario, outcomeWithout, calls: world.calls, problems: world.probes.problems };
}

async function runFaulty(
  calm: Calm,
  faults: readonly Fault[],
  parts: WorldParts,
): Promise<Pick<Simulated, "problems" | "tally">> {
  const { scenario } = calm;
  const world = await runWorld(scenario, faults, parts);
  const apart = new Set(changesOf(faults).flatMap((change) => parts.ruleChanges[change].apart));
  const judged = {
    scenario,
    outcome: outcomeOf(world, apart),
    calm: calm.outcomeWithout(apart),
    badPlaces: world.probes.badPlaces(),
    ended: [...(world.desk?.ended ?? [])],
    parts,
    apart,
  };
  const found = [
    ...calm.problems,
    ...world.probes.problems,
    ...judgeOutcome(judged),
    ...judgeProtections(world, faults),
  ];
  return { problems: found, tally: tallyOf(world) };
}

async function runWorld(scenario: Scenario, faults: readonly Fault[], parts: WorldParts): Promise<FaultyWorld> {
  const world = await openWorld(parts, { scenario, faults });
  await world.run();
  return world;
}

function tallyOf(world: FaultyWorld): Record<string, number> {
  const tally: Record<string, number> = { records: world.scenario.postings.length, processes: world.processors.length };
  const add = (name: string, count: number): void => void (tally[name] = (tally[name] ?? 0) + count);
  for (const processor of world.processors) {
    add("rebalances", processor.reports("group.assigned").length);
    for (const { records } of processor.reports("task.restoring")) add(records > 0 ? "restores" : "empty restores", 1);
    for (const { commands } of processor.reports("task.adopted")) add("commands adopted", commands);
    for (const { result } of processor.reports("checkpoint.done")) add(`checkpoints ${result}`, 1);
    add("calls failed", processor.reports("broker.failed").length);
    add("questions to the registry failed", processor.reports("registry.failed").length);
    add("commands repeated", processor.reports("command.repeated").length);
    add("memories kept", processor.reports("task.kept").length);
    for (const { reason, count } of processor.reports("state.evicted")) add(`evicted (${reason})`, count);
  }
  const commands = world.driver.commands();
  add("absences found", commands.filter(({ reasonCode }) => reasonCode === ABSENCE_REASON).length);
  add("commands said", commands.length);
  add("commands of an added rule", commands.filter(({ reasonCode }) => reasonCode === ADDED_REASON).length);
  add("links told", world.driver.signals().filter(({ type }) => type === "LINKED").length);
  add("breakers opened", world.driver.detections().filter(({ kind }) => kind === "BREAKER_OPENED").length);
  add("breakers closed by people", world.desk?.closed.size ?? 0);
  add("cases released", world.desk?.ended.size ?? 0);
  for (let partition = 0; partition < world.scenario.partitions; partition++) {
    const { start } = world.driver.broker.log({ topic: DRIVER_TOPICS.state, partition }).range();
    if (start > 0) add("state logs trimmed", 1);
  }
  return tally;
}

/** For a person: what was told, what went wrong, what of it was noticed. */
export function simulatedText(
  { seed, scenario, faults, problems }: Simulated,
  faultText: (fault: Fault) => string,
): string {
  const { spread, partitions, instances } = scenario;
  return [
    `seed ${seed}: ${spread}, ${partitions} tasks, ${instances} instances`,
    `  ${scenario.postings.length} records`,
    ...scenario.postings.map((posting) => `    ${postingText(posting)}`),
    `  ${faults.length} faults`,
    ...faults.map((fault) => `    ${faultText(fault)}`),
    "  and then",
    ...problems.map(({ check, detail }) => `    ${check}: ${detail}`),
  ].join("\n");
}

function postingText({ at, accountId, content }: Posting): string {
  const what = "event" in content ? `${content.event.type} ${content.event.eventId}` : `garbage in ${content.service}`;
  return `${(at / 1_000).toFixed(3)} s ${accountId} ${what}`;
}
