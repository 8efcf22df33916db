// `holdfast schemas register|check`: brings the registry and this version's schemas together, or says
// where they differ. Subjects are `<topic>-value`; dead letters carry foreign bytes and have none.

import { findBreakages } from "../adapters/compatibility.ts";
import { subjectOf } from "../adapters/codec.ts";
import { createRegistry } from "../adapters/registry.ts";
import type { SchemaRegistry } from "../adapters/registry.ts";
import { loadSchemas, parseSchema, SCHEMAS_DIRECTORY } from "../adapters/schema-files.ts";
import type { SchemaFile } from "../adapters/schema-files.ts";
import { topicsOf } from "../config.ts";
import type { REGISTRY_SETTINGS, Settings, TOPIC_SETTINGS } from "../config.ts";
import { registryConnection } from "../config/registry-connection.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import { SILENT } from "../runtime/telemetry.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface SchemasOptions extends Pick<
  Settings,
  (typeof REGISTRY_SETTINGS)[number] | (typeof TOPIC_SETTINGS)[number]
> {
  readonly action: "register" | "check";
}

interface Subject {
  readonly subject: string;
  readonly file: SchemaFile;
}

/** What became of one subject: a line for people. */
interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/** Exit code 1 when anything is wrong; everything that is, is said. */
export async function schemas(options: SchemasOptions, io: Io): Promise<number> {
  const registry = createRegistry({ ...registryConnection(options), telemetry: SILENT });
  const act = options.action === "register" ? register : check;
  let wrong = 0;
  for (const each of await subjectsOf(options)) {
    let finding: Finding;
    try {
      finding = await act(registry, each);
    } catch (error) {
      if (!(error instanceof BrokerFailure)) throw error;
      finding = { ok: false, text: error.message };
      // Nobody is there: the other subjects would only say it again.
      if (error.disposition === "retry") {
        io.stderr(`${error.message}\nIs the registry running, and --registry-url its Confluent API?\n`);
        return EXIT.failed;
      }
    }
    if (!finding.ok) wrong++;
    (finding.ok ? io.stdout : io.stderr)(`${finding.ok ? "ok   " : "wrong"}  ${each.subject}: ${finding.text}\n`);
  }
  return wrong === 0 ? EXIT.ok : EXIT.failed;
}

async function subjectsOf(options: SchemasOptions): Promise<Subject[]> {
  const { events, decision, ack, signal, command, detection } = await loadSchemas(SCHEMAS_DIRECTORY);
  const topics = topicsOf(options);
  return [
    ...topics.inputs.map(({ topic, service }) => ({ subject: subjectOf(topic), file: events[service] })),
    { subject: subjectOf(topics.decisions), file: decision },
    { subject: subjectOf(topics.acks), file: ack },
    { subject: subjectOf(topics.signals), file: signal },
    { subject: subjectOf(topics.commands), file: command },
    { subject: subjectOf(topics.detections), file: detection },
  ];
}

async function register(registry: SchemaRegistry, { subject, file }: Subject): Promise<Finding> {
  return { ok: true, text: `id ${await registry.register(subject, file.text)}` };
}

/** The local schema must be there, and what producers write by now must be readable, both ways. */
async function check(registry: SchemaRegistry, { subject, file }: Subject): Promise<Finding> {
  const id = await registry.idOf(subject, file.text);
  const latest = await registry.latestId(subject);
  if (latest === null) return { ok: false, text: "nothing is registered; run `holdfast schemas register`" };
  const problems = id === null ? [`${file.path} is not registered; run \`holdfast schemas register\``] : [];
  if (latest !== id) problems.push(...(await compareWithLatest(registry, { file, latest })));
  if (problems.length > 0) return { ok: false, text: problems.join("; ") };
  return { ok: true, text: id === latest ? `id ${id}` : `id ${id}; the latest, id ${latest}, is compatible` };
}

async function compareWithLatest(
  registry: SchemaRegistry,
  options: { file: SchemaFile; latest: number },
): Promise<string[]> {
  const { file, latest } = options;
  const found = await registry.schema(latest);
  if (found.kind !== "avro") return [`the latest schema, id ${latest}, is ${found.kind}`];
  return findBreakages(file, parseSchema(`id ${latest}`, JSON.stringify(found.json))).map(
    (breakage) => `against the latest, id ${latest}: ${breakage}`,
  );
}
