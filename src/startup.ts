// What has to be true before the group is joined. Owns the order of the checks and their one answer:
// everything that is wrong, in one message. A broker or registry that does not answer is not wrong: it is
// waited for.

import { readRules } from "./adapters/rule-files.ts";
import type { WatchListFiles } from "./adapters/watch-list-files.ts";
import type { RegistryCodec } from "./adapters/codec.ts";
import type { KafkaClient } from "./adapters/kafka/client.ts";
import { verifyTopics } from "./adapters/kafka/topics.ts";
import { variableOf } from "./config.ts";
import type { Service } from "./core/event.ts";
import type { CorrelationRule, DetectionRule, RuleSet } from "./core/rule.ts";
import { largestMetadata, METADATA_BYTES } from "./runtime/checkpoint.ts";
import { BrokerFailure } from "./runtime/ports.ts";
import type { Clock } from "./runtime/ports.ts";
import { failed } from "./runtime/telemetry.ts";
import type { Telemetry } from "./runtime/telemetry.ts";
import { readTopics, servicesRead } from "./runtime/topics.ts";
import type { Topics } from "./runtime/topics.ts";
import { formatProblem } from "./sigma/problem.ts";

const LONGEST_PAUSE_MS = 5_000;

/** Start-up is refused; `problems` is everything that is wrong. */
export class StartRefused extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `holdfast cannot start (${problems.length} problem${problems.length === 1 ? "" : "s"}):\n  ${problems.join("\n  ")}`,
    );
    this.name = "StartRefused";
    this.problems = problems;
  }
}

/** @returns the rules, or nothing and why not; warnings go to `warn` */
export async function loadRuleSet(
  path: string,
  warn: (text: string) => void,
  { watchLists }: { readonly watchLists: WatchListFiles },
): Promise<{ rules: RuleSet | null; problems: string[] }> {
  try {
    await watchLists.reload();
    const { rules, problems, warnings } = await readRules(path, { watchLists });
    for (const warning of warnings) warn(`warning: ${formatProblem(warning)}\n`);
    return { rules, problems: problems.map(formatProblem) };
  } catch (error) {
    return { rules: null, problems: [error instanceof Error ? error.message : String(error)] };
  }
}

/** What is wrong with the names in force: together they have to fit into what a checkpoint commits. */
export function nameProblems(topics: Topics, groupId: string): string[] {
  const bytes = largestMetadata([...readTopics(topics).map(({ topic }) => topic), topics.commands], groupId);
  if (bytes <= METADATA_BYTES) return [];
  const prefix = variableOf("topicPrefix");
  return [
    `the names of the topics and of the group are too long together: a checkpoint, which has to name each, may come ` +
      `to ${bytes} bytes, and brokers take ${METADATA_BYTES}; shorten them (${prefix} counts for every topic)`,
  ];
}

/** Of rules on events that no configured topic carries: they load, and are not what they seem. */
export function unheardWarnings(rules: RuleSet, topics: Topics): string[] {
  const heard = new Set<Service>(servicesRead(topics));
  const services = new Set(rules.detections.flatMap(({ service }) => service ?? []));
  return [...services]
    .filter((service) => !heard.has(service))
    .map((service) => {
      const names = rulesOn(rules, service).map(({ name, title }) => name ?? title);
      const setting = service === "trade" ? `set ${variableOf("topicTrade")}` : "name its topic";
      return `no topic of ${service} events is read, so these rules never see what they wait for: ${names.join(", ")}; ${setting}, or leave them out`;
    });
}

/** Those that open cases and depend on a detection of the service. */
function rulesOn({ detections, correlations }: RuleSet, service: Service): (DetectionRule | CorrelationRule)[] {
  const own = detections.map((rule) => rule.service === service);
  const over: boolean[] = [];
  for (const { inputs } of correlations) {
    over.push(inputs.some(({ kind, index }) => (kind === "detection" ? own[index] : over[index])));
  }
  return [
    ...detections.filter((rule, index) => rule.standalone && own[index]),
    ...correlations.filter((rule, index) => rule.standalone && over[index]),
  ];
}

interface World {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly signal: AbortSignal;
}

/** What is wrong with the topics, each with its remedy; warnings go to `warn`. */
export async function topicProblems(
  client: KafkaClient,
  topics: Topics,
  options: World & { warn: (text: string) => void },
): Promise<string[]> {
  const found = await untilAnswered(() => verifyTopics(client, topics), { ...options, doing: "verify the topics" });
  const lines = found.map(({ topic, severity, problem, remedy }) => ({
    severity,
    text: `${topic} ${problem}; ${remedy}`,
  }));
  for (const { severity, text } of lines) if (severity === "warning") options.warn(`warning: ${text}\n`);
  return lines.filter(({ severity }) => severity === "error").map(({ text }) => text);
}

/** What is wrong with the registered schemas, each with its remedy. */
export function schemaProblems(codec: RegistryCodec, world: World): Promise<string[]> {
  const asking = { ...world, doing: "look up the schemas", event: "registry.failed" as const };
  return untilAnswered(() => codec.prepare(), asking);
}

/**
 * Asks until somebody answers or the signal aborts.
 * @param options.event tells each failure. Default "broker.failed"
 * @throws BrokerFailure with disposition `halt`; the failure at hand when the signal aborts
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  options: World & { doing: string; event?: "broker.failed" | "registry.failed" },
): Promise<T> {
  const { clock, telemetry, signal, doing, event = "broker.failed" } = options;
  for (let pause = 100; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof BrokerFailure)) throw error;
      telemetry.emit(event, failed(error, doing));
      if (error.disposition === "halt" || signal.aborted) throw error;
      await clock.sleep(pause, signal);
    }
  }
}
