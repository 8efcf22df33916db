// Events as a task gets them: each encoded by its schema and decoded by the codec, so that a bench of the core
// meets the shapes, and the texts that are nobody else's, that it meets behind Kafka.

import { createCodec, subjectOf } from "../src/adapters/codec.ts";
import { createMemoryRegistry } from "../src/adapters/memory/registry.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../src/adapters/schema-files.ts";
import { systemClock } from "../src/adapters/system-clock.ts";
import { SERVICES } from "../src/core/event.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { SILENT } from "../src/runtime/telemetry.ts";
import type { Posting } from "../src/testing/exchange/story.ts";

const HEADER_BYTES = 5;

/** @returns a function that replaces a posting's event by what a task that runs these rules would get of it */
export async function decoderFor(rules: RuleSet): Promise<(posting: Posting) => Posting> {
  const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
  const registry = createMemoryRegistry();
  const headers = new Map<string, Buffer>();
  for (const service of SERVICES) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeInt32BE(await registry.register(subjectOf(service), schemas.events[service].text), 1);
    headers.set(service, header);
  }
  const topics = {
    inputs: SERVICES.map((service) => ({ topic: service, service })),
    decisions: "decisions",
    acks: "acks",
    signals: "signals",
    commands: "commands",
    detections: "detections",
    state: "state",
    deadLetter: "dead-letter",
  };
  const codec = createCodec({
    registry,
    schemas,
    topics,
    fields: rules.fields,
    clock: systemClock,
    telemetry: SILENT,
  });
  await codec.prepare();
  return (posting) => {
    const { service, event, at } = posting;
    const value = Buffer.concat([headers.get(service)!, schemas.events[service].type.toBuffer(event)]);
    const outcome = codec.decode(service, { key: Buffer.from(event.accountId), value, timestamp: at });
    if (!("event" in outcome)) throw new Error(`${event.type} does not decode: ${JSON.stringify(outcome)}`);
    return { ...posting, event: outcome.event };
  };
}
