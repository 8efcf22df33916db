// Events as a task gets them: each encoded by its schema and decoded by the codec, so that a bench of the core
// meets the shapes, and the texts that are nobody else's, that it meets behind Kafka.

import { createCodec } from "../src/adapters/codec.ts";
import { createMemoryRegistry } from "../src/adapters/memory/registry.ts";
import { registeredEncoder } from "../src/adapters/registered-encoder.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../src/adapters/schema-files.ts";
import { systemClock } from "../src/adapters/system-clock.ts";
import type { Service } from "../src/core/event.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { SILENT } from "../src/runtime/telemetry.ts";
import type { Posting } from "../src/testing/exchange/story.ts";
import { DRIVER_TOPICS, TRADES } from "../src/testing/processor-driver.ts";

/** @returns a function that replaces a posting's event by what a task that runs these rules would get of it */
export async function decoderFor(rules: RuleSet): Promise<(posting: Posting) => Posting> {
  const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
  const registry = createMemoryRegistry();
  const topics = { ...DRIVER_TOPICS, inputs: [...DRIVER_TOPICS.inputs, TRADES] };
  const producers = new Map<Service, { topic: string; encode: (event: object) => Buffer }>();
  for (const { topic, service } of topics.inputs) {
    const encode = await registeredEncoder(registry, { topic, file: schemas.events[service] });
    producers.set(service, { topic, encode });
  }
  const codec = createCodec({ registry, schemas, topics, fields: rules.fields, clock: systemClock, telemetry: SILENT });
  await codec.prepare();
  return (posting) => {
    const { service, event, at } = posting;
    const { topic, encode } = producers.get(service)!;
    const record = { key: Buffer.from(event.accountId), value: encode(event), timestamp: at };
    const outcome = codec.decode(topic, record);
    if (!("event" in outcome)) throw new Error(`${event.type} does not decode: ${JSON.stringify(outcome)}`);
    return { ...posting, event: outcome.event };
  };
}
