// Checks the `holdfast:` attribute: respond, mode, quiet, tests (their notation is checked by who runs them).

import { SCOPES } from "../core/output.ts";
import type { Mode, Scope } from "../core/output.ts";
import type { ResponseAction } from "../core/rule.ts";
import type { Duration } from "../core/time.ts";
import { DURATION_ADVICE, parseDuration } from "./duration.ts";
import type { Placed, RuleTest, SnapshotValue } from "./document.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import { describe, readBoolean, readMap, readSymbol, readText, refuseUnknownKeys, textOf } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlList, YamlMap, YamlNode } from "./yaml-tree.ts";

export interface HoldfastAttribute {
  readonly respond: readonly ResponseAction[];
  readonly respondAt: Position | null;
  readonly mode: Mode;
  readonly quiet: Duration | null;
  readonly tests: readonly RuleTest[];
}

const MODES = ["observe", "step-up", "enforce"] as const satisfies readonly Mode[];
const ACTIONS = { hold: "HOLD", freeze: "FREEZE", "step-up": "STEP_UP", review: "REVIEW" } as const;
type ActionKey = keyof typeof ACTIONS;
const ACTION_KEYS = Object.keys(ACTIONS) as ActionKey[];
const TARGETS = ["withdrawalId", "keyId", "sessionId", "address"] as const;

/** Without the attribute: no response, mode enforce. */
export function checkHoldfast(document: YamlMap, findings: Findings): HoldfastAttribute {
  const attribute = readMap(document, "holdfast", findings);
  if (attribute === undefined) return { respond: [], respondAt: null, mode: "enforce", quiet: null, tests: [] };
  refuseUnknownKeys(attribute, ["respond", "mode", "quiet", "tests"], { where: "holdfast", findings });
  const respond = entryOf(attribute, "respond");
  return {
    respond: listOf(attribute, "respond", findings).flatMap((item) => checkAction(item, findings)),
    respondAt: respond?.at ?? null,
    mode: readSymbol(attribute, "mode", MODES, findings) ?? "enforce",
    quiet: readDuration(attribute, "quiet", findings) ?? null,
    tests: listOf(attribute, "tests", findings).flatMap((item) => checkTest(item, findings)),
  };
}

function listOf(map: YamlMap, key: string, findings: Findings): readonly YamlNode[] {
  const entry = entryOf(map, key);
  if (entry === undefined) return [];
  if (entry.value.kind === "list") return entry.value.items;
  findings.refuse(entry.value.at, `${key}: ${describe(entry.value)}`, "write a list");
  return [];
}

function readDuration(map: YamlMap, key: string, findings: Findings): Duration | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  const text = textOf(entry.value, `${key}:`, findings);
  if (text === undefined) return undefined;
  const span = parseDuration(text);
  if (span === null) findings.refuse(entry.value.at, `${key}: ${quote(text)}`, DURATION_ADVICE);
  return span ?? undefined;
}

function checkAction(item: YamlNode, findings: Findings): ResponseAction[] {
  if (item.kind !== "map") {
    findings.refuse(item.at, `${describe(item)} in respond`, "write freeze: [WITHDRAW], for: 24h, reason: CODE");
    return [];
  }
  refuseUnknownKeys(item, [...ACTION_KEYS, "for", "reason", "extend", "targets"], { where: "an action", findings });
  const given = ACTION_KEYS.filter((key) => entryOf(item, key) !== undefined);
  const [key] = given;
  if (key === undefined || given.length > 1) {
    const found = key === undefined ? "an action without its kind" : `${given.join(" and ")} in one action`;
    findings.refuse(item.at, found, `write one of ${ACTION_KEYS.join(", ")}`);
    return [];
  }
  const action: ResponseAction = {
    action: ACTIONS[key],
    scopes: checkScopes(item, key, findings),
    for: checkFor(item, findings),
    reason: checkReason(item, findings),
    extend: readBoolean(item, "extend", findings) ?? false,
    targets: checkTargets(item, findings),
  };
  if (action.extend && action.action !== "HOLD") {
    findings.refuse(
      entryOf(item, "extend")?.at ?? item.at,
      `extend in ${key}`,
      "remove it: only hold needs it, freeze always extends",
    );
  }
  return [action];
}

function checkScopes(item: YamlMap, key: ActionKey, findings: Findings): Scope[] {
  const entry = entryOf(item, key);
  if (entry === undefined) return [];
  if (entry.value.kind !== "list" || entry.value.items.length === 0) {
    findings.refuse(
      entry.value.at,
      `${key}: ${entry.value.kind === "list" ? "no scope" : describe(entry.value)}`,
      `write a list of ${SCOPES.join(", ")}`,
    );
    return [];
  }
  return symbolsOf(entry.value, SCOPES, { what: "the scope", findings });
}

function checkTargets(item: YamlMap, findings: Findings): ResponseAction["targets"] {
  const entry = entryOf(item, "targets");
  if (entry === undefined) return [];
  if (entry.value.kind === "list") return symbolsOf(entry.value, TARGETS, { what: "the target", findings });
  findings.refuse(entry.value.at, `targets: ${describe(entry.value)}`, `write a list of ${TARGETS.join(", ")}`);
  return [];
}

function symbolsOf<T extends string>(
  list: YamlList,
  known: readonly T[],
  options: { what: string; findings: Findings },
): T[] {
  const { what, findings } = options;
  const symbols: T[] = [];
  for (const item of list.items) {
    const text = textOf(item, what, findings);
    if (text === undefined) continue;
    const symbol = known.find((candidate) => candidate === text);
    if (symbol === undefined) findings.refuse(item.at, `${what} ${quote(text)}`, suggest(text, known));
    else if (symbols.includes(symbol)) findings.refuse(item.at, `${what} ${symbol} twice`, "write it once");
    else symbols.push(symbol);
  }
  return symbols;
}

function checkFor(item: YamlMap, findings: Findings): Duration {
  if (entryOf(item, "for") === undefined) {
    findings.refuse(item.at, "an action without for", "write how long it lasts, such as for: 24h");
    return 0;
  }
  const before = findings.problems.length;
  const span = readDuration(item, "for", findings) ?? 0;
  if (span === 0 && findings.problems.length === before) findings.refuse(item.at, "for: 0", "write a time above zero");
  return span;
}

function checkReason(item: YamlMap, findings: Findings): string {
  const entry = entryOf(item, "reason");
  const reason = readText(item, "reason", findings);
  if (reason !== undefined && /^[A-Z][A-Z0-9_]{0,63}$/u.test(reason)) return reason;
  const found = entry === undefined ? "an action without reason" : `reason: ${describe(entry.value)}`;
  findings.refuse(
    entry?.value.at ?? item.at,
    found,
    "write a code of capitals, digits and underscores, such as TAKEOVER_SEQUENCE",
  );
  return "";
}

function checkTest(item: YamlNode, findings: Findings): RuleTest[] {
  if (item.kind !== "map") {
    findings.refuse(item.at, `${describe(item)} in tests`, "write name, events and expect");
    return [];
  }
  refuseUnknownKeys(item, ["name", "given", "events", "expect"], { where: "a test", findings });
  for (const key of ["name", "events", "expect"]) {
    if (entryOf(item, key) === undefined)
      findings.refuse(item.at, `a test without ${key}`, "write name, events and expect");
  }
  return [
    {
      name: readText(item, "name", findings) ?? "",
      at: item.at,
      given: checkGiven(item, findings),
      events: placedLines(item, "events", findings),
      expect: placedLines(item, "expect", findings),
    },
  ];
}

function placedLines(map: YamlMap, key: string, findings: Findings): Placed[] {
  return listOf(map, key, findings).flatMap((line) => {
    const text = textOf(line, `${key}: item`, findings);
    return text === undefined ? [] : [{ text, at: line.at }];
  });
}

function checkGiven(test: YamlMap, findings: Findings): RuleTest["given"] {
  const given = readMap(test, "given", findings);
  if (given === undefined) return [];
  return given.entries.flatMap(({ key, value }) => {
    if (value.kind !== "map") {
      findings.refuse(
        value.at,
        `given ${key}: ${describe(value)}`,
        "write a snapshot's fields, such as { enrolledFactors: [TOTP] }",
      );
      return [];
    }
    const fields = new Map<string, SnapshotValue>();
    for (const entry of value.entries) {
      const snapshotValue = valueOf(entry.value);
      if (snapshotValue === undefined)
        findings.refuse(entry.value.at, `${entry.key}: ${describe(entry.value)}`, "write a value or a list of values");
      else fields.set(entry.key, snapshotValue);
    }
    return [{ account: key, fields }];
  });
}

function valueOf(node: YamlNode): SnapshotValue | undefined {
  if (node.kind === "scalar") return node.value ?? undefined;
  if (node.kind === "map") return undefined;
  const items = node.items.flatMap((item) => (item.kind === "scalar" && item.value !== null ? [item.value] : []));
  return items.length === node.items.length ? items : undefined;
}
