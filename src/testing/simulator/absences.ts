// Something that does not happen: two rules, shipped with no release, of which what they wait for, what they act
// on and what must not be there come by three topics. Owns the rules, the events they know, and what they find in
// the events in order of time: that is also what has to be found of them whenever and in whatever order they are
// read, as long as each was appended within the grace.

import type { ExchangeEvent } from "../../core/event.ts";
import type { Duration } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import type { RuleText } from "../../sigma/document.ts";
import { openDriver } from "../driver.ts";
import type { Random } from "../exchange/random.ts";
import { serviceOf } from "../processor-driver.ts";
import type { WorldParts } from "./faulty-world.ts";
import { distinct, protectionOf } from "./outcome.ts";
import type { Scenario } from "./scenario.ts";
import type { StoryStep } from "./stories.ts";

/**
 * An event of a scenario is appended at most 1.2 s after it happened, and a topic that was read to its end counts as
 * idle for 2 s at most.
 */
export const ABSENCE_GRACE: Duration = 3.3 * SECOND;
/** As the rules say. */
export const ABSENCE_SPAN: Duration = 2 * SECOND;

export const ABSENCE_REASON = "ABSENCE";

const RULE_IDS = ["8f3c8a0e-5d0b-4c9b-9a1c-3a55d7b3e901", "8f3c8a0e-5d0b-4c9b-9a1c-3a55d7b3e902"] as const;

const detection = (name: string, service: string, type: string): string => `
title: ${name}
name: ${name}
logsource: { product: exchange, service: ${service} }
detection:
    selection: { type: ${type}, sessionId: absence }
    condition: selection
level: low
---`;

const correlation = (id: string, of: { name: string; type: string; condition: string }): string => `
title: ${of.name}
id: ${id}
name: ${of.name}
correlation:
    type: ${of.type}
    condition: ${of.condition}
    rules: [absence_asked, absence_answered, absence_moved]
    group-by: [accountId]
    timespan: ${ABSENCE_SPAN / SECOND}s
level: low
holdfast:
    respond:
        - hold: [WITHDRAW]
          for: 24h
          reason: ${ABSENCE_REASON}
    mode: enforce`;

const NEVER_ANSWERED = "absence_asked and absence_moved and not absence_answered";
const MOVED_UNANSWERED = "absence_asked and not absence_answered and absence_moved";

/** To stand among the shipped rules. */
export const ABSENCE_RULES: RuleText = {
  path: "absences.yml",
  text: [
    detection("absence_asked", "auth", "SESSION_USED"),
    detection("absence_moved", "withdrawal", "WITHDRAWAL_APPROVED"),
    detection("absence_answered", "api_key", "API_KEY_IP_LIST_CHANGED"),
    correlation(RULE_IDS[0], { name: "never_answered", type: "temporal", condition: NEVER_ANSWERED }),
    "---",
    correlation(RULE_IDS[1], { name: "moved_unanswered", type: "temporal_ordered", condition: MOVED_UNANSWERED }),
  ].join("\n"),
};

const STEPS: readonly StoryStep[] = [
  { service: "auth", fields: { type: "SESSION_USED", sessionId: "absence" } },
  { service: "withdrawal", fields: { type: "WITHDRAWAL_APPROVED", sessionId: "absence" } },
  { service: "api_key", fields: { type: "API_KEY_IP_LIST_CHANGED", sessionId: "absence", ipList: ["203.0.113.7"] } },
];

/** Answers are rarer than what they answer. */
export function drawAbsenceStory(random: Random): StoryStep[] {
  const weighted = STEPS.map((step) => ({ step, weight: step.service === "api_key" ? 1 : 3 }));
  return Array.from({ length: random.integer(3, 8) }, () => random.weighted(weighted).step);
}

/** Of everything said, what these rules said. */
export function ofAbsences(protections: readonly string[]): string[] {
  return protections.filter((each) => RULE_IDS.some((id) => each.includes(` ${id} `)));
}

/** `account rule ACTION` of what is found in the events in order of time. */
export function absencesIn({ postings }: Scenario, { rules }: WorldParts): string[] {
  const driver = openDriver({ rules, settings: { absenceGrace: ABSENCE_GRACE } });
  const events = postings.flatMap(({ content }) => ("event" in content ? [content.event] : []));
  const outputs = events
    .toSorted((a, b) => a.occurredAt - b.occurredAt)
    .flatMap((event: ExchangeEvent, offset) => {
      const service = serviceOf(event.type);
      return driver.apply({ service, topic: service, partition: 0, offset, recordTimestamp: event.occurredAt }, event);
    });
  const commands = [...outputs, ...driver.finish()].flatMap((each) => each.commands);
  return ofAbsences(distinct(commands.map(protectionOf)));
}
