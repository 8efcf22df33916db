// The reference page of fields, from the table that rules are checked by. Written by dev/docs.ts.

import { EVENT_FIELDS, EVENT_TYPES } from "../core/event-fields.ts";
import { RULE_SERVICES, SERVICES } from "../core/event.ts";
import type { Service } from "../core/event.ts";
import { fieldPaths, findField } from "./fields.ts";

const LINKS = ` What Holdfast tells an account that shares a device, an address or the like with others, by a
correlation that groups by it. Of the fields above a link has \`eventId\`, \`accountId\`, \`type\` and
\`occurredAt\`; a rule without a service does not read links.`;

export function fieldsReference(): string {
  const paths = fieldPaths(null);
  const facts = paths.filter((path) => path.startsWith("profile."));
  const isCommon = (path: string): boolean => SERVICES.every((service) => findField(path)?.services.includes(service));
  const common = paths.filter((path) => isCommon(path) && !facts.includes(path));
  const sections = RULE_SERVICES.map((service) => {
    const own = fieldPaths(service).filter((path) => !common.includes(path) && !facts.includes(path));
    const types = EVENT_TYPES[service].filter((type) => type !== "UNKNOWN");
    const note = service === "signal" ? LINKS : "";
    return `## \`service: ${service}\`\n\nTypes: ${types.map((type) => `\`${type}\``).join(", ")}.${note}\n\n${tableOf(own, service)}`;
  });
  return `# Fields

What rules may read, by log source. Generated from the table that rules are checked by; \`npm run docs\` writes it.
A list field matches when any element does. Text of a closed set stands with its symbols. Instants are milliseconds
since the epoch in UTC, money is in US cents.

## Every service of the exchange

${tableOf(common, SERVICES[0] ?? "auth")}
\`detail.<name>\` is the text of that name in the event's map \`detail\`.

${sections.join("\n")}
## What the account did before

As of the event's arrival, and null where the account's history does not tell.

${tableOf(facts, SERVICES[0] ?? "auth")}`;
}

function tableOf(paths: readonly string[], service: Service): string {
  const rows = paths.map((path) => {
    const field = findField(path);
    const held = EVENT_FIELDS[service].get(path);
    const symbols = held !== undefined && "symbols" in held && path !== "type" ? held.symbols : [];
    const kind = field?.instant === true ? "instant" : field?.kind === "symbol" ? "symbol" : (field?.kind ?? "text");
    const values = symbols.filter((symbol) => symbol !== "UNKNOWN").map((symbol) => `\`${symbol}\``);
    return `| \`${path}\` | ${field?.list === true ? `list of ${kind}s` : kind} | ${values.join(", ")} |\n`;
  });
  return `| field | kind | values |\n|---|---|---|\n${rows.join("")}`;
}
