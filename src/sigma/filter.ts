// Filter documents: checks a `filter:` section, and puts filters to the rules they name, as pySigma does: the
// filter's condition is joined to the rule's by AND. A rule that a filter names but cannot narrow is refused.

import type { CheckedRule, DetectionDocument, FilterDocument, LogSource, Placed } from "./document.ts";
import { checkDetection } from "./detection.ts";
import type { DetectionScope } from "./detection.ts";
import type { Expression } from "./expression.ts";
import { referenceOf } from "./names.ts";
import { quote } from "./problem.ts";
import { describe, textOf } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlMap } from "./yaml-tree.ts";
import { refuseUnknown } from "./references.ts";
import type { ReferenceScope } from "./references.ts";

/** Meaningless where something was refused. */
export function checkFilter(section: YamlMap, scope: DetectionScope): Pick<FilterDocument, "rules" | "expression"> {
  const detection = { ...section, entries: section.entries.filter(({ key }) => key !== "rules") };
  return { rules: checkRules(section, scope), expression: checkDetection(detection, scope) };
}

function checkRules(section: YamlMap, { findings }: DetectionScope): Placed[] {
  const entry = entryOf(section, "rules");
  if (entry === undefined || entry.value.kind !== "list" || entry.value.items.length === 0) {
    const found = entry === undefined ? "a filter without rules" : `rules: ${describe(entry.value)}`;
    findings.refuse(entry?.value.at ?? section.at, found, "write a list of the rules it narrows, by name or id");
    return [];
  }
  return entry.value.items.flatMap((item) => {
    const text = textOf(item, "rules: item", findings);
    return text === undefined ? [] : [{ text: referenceOf(text), at: item.at }];
  });
}

/** The detections, each narrowed by the filters that name it, in the filters' order. */
export function applyFilters(
  rules: readonly CheckedRule[],
  filters: readonly FilterDocument[],
  scope: ReferenceScope,
): CheckedRule[] {
  const narrowed = new Map<DetectionDocument, Expression[]>();
  const says = new Map<DetectionDocument, string[]>();
  for (const filter of filters) {
    for (const rule of filter.rules) {
      const target = targetOf(filter, rule, scope);
      if (target === undefined) continue;
      narrowed.set(target, [...(narrowed.get(target) ?? []), filter.expression]);
      says.set(target, [...(says.get(target) ?? []), filter.canonical]);
    }
  }
  return rules.map((rule) => {
    if (rule.kind === "correlation") return rule;
    const expressions = narrowed.get(rule);
    if (expressions === undefined) return rule;
    return {
      ...rule,
      expression: { kind: "and", operands: [rule.expression, ...expressions] },
      canonical: [rule.canonical, ...(says.get(rule) ?? [])].join("\n"),
    };
  });
}

function targetOf(filter: FilterDocument, rule: Placed, scope: ReferenceScope): DetectionDocument | undefined {
  const target = scope.names.get(rule.text);
  const findings = scope.findingsOf(filter);
  if (target === undefined) {
    refuseUnknown(rule, filter, scope);
    return undefined;
  }
  if (target.kind === "correlation") {
    const detections = target.rules.map((each) => each.text).join(", ");
    findings.refuse(rule.at, `the correlation ${quote(rule.text)} in a filter`, `name its detections: ${detections}`);
    return undefined;
  }
  if (filter.logsource === null || target.logsource === null) return target;
  if (contains(filter.logsource, target.logsource)) return target;
  findings.refuse(
    rule.at,
    `the rule ${quote(rule.text)}, whose log source is not within the filter's`,
    "leave out of the filter's logsource what the rule's does not say",
  );
  return undefined;
}

function contains(outer: LogSource, inner: LogSource): boolean {
  return (["category", "product", "service"] as const).every((key) => outer[key] === null || outer[key] === inner[key]);
}
