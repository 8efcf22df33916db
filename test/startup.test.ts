// What is said before the group is joined.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { RegistryCodec } from "../src/adapters/codec.ts";
import { systemClock } from "../src/adapters/system-clock.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { BrokerFailure } from "../src/runtime/ports.ts";
import type { Telemetry } from "../src/runtime/telemetry.ts";
import { loadRules } from "../src/sigma/rule-set.ts";
import { nameProblems, schemaProblems, unheardWarnings, untilAnswered } from "../src/startup.ts";
import { DRIVER_TOPICS } from "../src/testing/processor-driver.ts";

const step = (name: string, service: string): string =>
  `title: ${name}\nname: ${name}\nlogsource: { product: exchange, service: ${service} }\ndetection: { s: { ip: x }, condition: s }\n---\n`;
const over = (name: string, ...steps: string[]): string =>
  `title: ${name}\nname: ${name}\ncorrelation: { type: temporal, rules: [${steps.join(", ")}], group-by: [accountId], timespan: 1h }\n---\n`;

function rulesOf(text: string): RuleSet {
  const { rules, problems } = loadRules([{ path: "r.yml", text }]);
  deepEqual(problems, []);
  return rules!;
}

test("rules on trades without the topic of trades are named, also those that correlate over them", () => {
  const rules = rulesOf(
    step("login", "auth") +
      step("fill", "trade") +
      step("odd_fill", "trade") +
      step("key", "api_key") +
      over("inner", "fill", "login") +
      over("outer", "inner", "key") +
      over("unrelated", "login", "key"),
  );
  const { inputs } = DRIVER_TOPICS;
  deepEqual(unheardWarnings(rules, DRIVER_TOPICS), [
    "no topic of trade events is read, so these rules never see what they wait for: odd_fill, outer; set HOLDFAST_TOPIC_TRADE, or leave them out",
  ]);
  const topics = { ...DRIVER_TOPICS, inputs: [...inputs, { topic: "trade-events", service: "trade" as const }] };
  deepEqual(unheardWarnings(rules, topics), []);
});

test("names that no checkpoint can hold are refused, with what to shorten", () => {
  const named = (prefix: string): typeof DRIVER_TOPICS => ({
    ...DRIVER_TOPICS,
    inputs: [...DRIVER_TOPICS.inputs, { topic: "trade-events", service: "trade" as const }].map((input) => ({
      ...input,
      topic: prefix + input.topic,
    })),
    decisions: `${prefix}decisions`,
    acks: `${prefix}acks`,
    signals: `${prefix}signals`,
    commands: `${prefix}commands`,
  });
  deepEqual(nameProblems(named("exchange.production.eu-central-1."), "holdfast"), []);
  deepEqual(nameProblems(named("x".repeat(230)), "holdfast"), [
    "the names of the topics and of the group are too long together: a checkpoint, which has to name each, may come to 4524 bytes, and brokers take 4096; shorten them (HOLDFAST_TOPIC_PREFIX counts for every topic)",
  ]);
});

test("a registry that does not answer is told as a registry, brokers as brokers", async () => {
  const told: string[] = [];
  const telemetry: Telemetry = {
    emit: (name, fields) => told.push(`${name} ${(fields as { detail: string }).detail}`),
  };
  const world = {
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    telemetry,
    signal: AbortSignal.timeout(60_000),
  };
  const once = <T>(what: string, answer: T): (() => Promise<T>) => {
    let asked = 0;
    return () => {
      const failure = new BrokerFailure(`${what} is down`, { disposition: "retry", code: "CONNECTION" });
      return asked++ === 0 ? Promise.reject(failure) : Promise.resolve(answer);
    };
  };
  deepEqual(await schemaProblems({ prepare: once("the registry", []) } as unknown as RegistryCodec, world), []);
  deepEqual(await untilAnswered(once("the broker", 7), { ...world, doing: "count" }), 7);
  deepEqual(told, ["registry.failed the registry is down", "broker.failed the broker is down"]);
});
