// docs/configuration.md, from the table. A test compares the file with this text; `npm run docs` writes it.

import { SECTIONS, SETTINGS, SETTING_NAMES, flagOf, variableOf } from "../config.ts";
import type { SettingName } from "../config.ts";
import type { Kind } from "./setting-kinds.ts";

const HEAD = `# Configuration

Every setting is an environment variable and a flag; the flag wins. An empty variable counts as absent.
Unknown names are refused, with the nearest known one. All problems are reported at once.
Secrets come from files only. \`holdfast COMMAND --help\` lists the flags a command takes.

This page is generated from \`src/config.ts\` by \`npm run docs\`.
`;

/** The whole page, as Markdown. */
export function settingsReference(): string {
  const sections = SECTIONS.map((section) => {
    const rows = SETTING_NAMES.filter((name) => SETTINGS[name].section === section).map(row);
    return `\n## ${section}\n\n| variable | flag | allowed | default | meaning |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return HEAD + sections.join("");
}

function row(name: SettingName): string {
  const { kind, doc } = SETTINGS[name];
  const cells = [`\`${variableOf(name)}\``, `\`${flagOf(name)}\``, kind.allowed, shownDefault(name), doc];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function shownDefault(name: SettingName): string {
  const setting = SETTINGS[name];
  if (setting.default === "required") return "**required**";
  if (setting.default === "none") return "none";
  const shown = (setting.kind as Kind<unknown>).show(setting.default);
  return shown === "" ? "empty" : `\`${shown}\``;
}
