// Writes the reference pages that are generated from tables (`npm run docs`). Tests compare them.

import { writeFileSync } from "node:fs";
import { metricsReference } from "../src/adapters/telemetry/metrics-reference.ts";
import { fieldsReference } from "../src/sigma/fields-reference.ts";
import { settingsReference } from "../src/config/settings-reference.ts";

const PAGES: Readonly<Record<string, () => string>> = {
  "configuration.md": settingsReference,
  "fields.md": fieldsReference,
  "metrics.md": metricsReference,
};

for (const [name, page] of Object.entries(PAGES)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), page());
}
