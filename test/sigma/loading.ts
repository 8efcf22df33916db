// Short ways to rules for the tests of this folder.

import type { ExchangeEvent } from "../../src/core/event.ts";
import { newProfile } from "../../src/core/profile.ts";
import type { ProfileFacts } from "../../src/core/profile-facts.ts";
import type { Matcher } from "../../src/core/rule.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import type { LoadOptions } from "../../src/sigma/rule-set.ts";
import { factsOf } from "../core/facts-of.ts";

export function event(fields: Partial<ExchangeEvent>): ExchangeEvent {
  return { eventId: "e1", accountId: "alice", type: "LOGIN_SUCCEEDED", occurredAt: 1_717_891_200_000, ...fields };
}

export const NO_FACTS: ProfileFacts = { ...factsOf(newProfile(0), event({}), Infinity), accountAgeSeconds: null };

/** A detection rule with this `detection:` section, on every service unless one is given. */
export function detectionRule(detection: string, service?: string): string {
  const logsource = service === undefined ? "{ product: exchange }" : `{ product: exchange, service: ${service} }`;
  return `title: Test\nlogsource: ${logsource}\ndetection:\n${detection.replaceAll(/^/gmu, "    ")}\n`;
}

/** The matcher of a section `selection: {…}`. */
export function matcherOf(selection: string, options?: LoadOptions): Matcher {
  const text = detectionRule(`selection: ${selection}\ncondition: selection`);
  const loaded = loadRules([{ path: "test.yml", text }], options);
  const [rule] = loaded.rules?.detections ?? [];
  if (rule === undefined) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return rule.matches;
}

/** All problems of one file's text, as a user reads them. */
export function problemsOf(text: string): string[] {
  return loadRules([{ path: "r.yml", text }]).problems.map(formatProblem);
}

export function warningsOf(text: string): string[] {
  return loadRules([{ path: "r.yml", text }]).warnings.map(formatProblem);
}
