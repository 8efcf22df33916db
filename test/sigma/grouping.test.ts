// What correlations may group by, and what those whose groups are no accounts may not do.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { problemsOf } from "./loading.ts";

const STEP = "title: S\nname: step\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n---\n";
const LINK =
  "title: L\nname: link\nlogsource: { product: exchange, service: signal }\ndetection: { a: { type: LINKED }, condition: a }\n---\n";

function shared(rule: string, more = ""): string {
  return `title: C\nname: shared\ncorrelation: { type: event_count, rules: [${rule}], group-by: [deviceId], timespan: 1h, condition: { gte: 2 } }\n${more}`;
}

function own(rule: string, name = "own"): string {
  return `---\ntitle: O\nname: ${name}\ncorrelation: { type: event_count, rules: [${rule}], group-by: [accountId], timespan: 1h, condition: { gte: 2 } }\n`;
}

test("groups of any fields of the events, one or several", () => {
  deepEqual(problemsOf(STEP + shared("step")), []);
  deepEqual(problemsOf(STEP + shared("step").replace("[deviceId]", "[country, detail.shop, accountId]")), []);
  deepEqual(problemsOf(STEP + shared("step").replace("[deviceId]", "[profile.newDevice]")), [
    'r.yml:8:61: "profile.newDevice" is no field of events; name a field of the events themselves',
  ]);
});

test("a rule about accounts feeds one that is not, and links feed rules about accounts", () => {
  deepEqual(problemsOf(STEP + own("step").slice(4) + "---\n" + shared("own")), []);
  deepEqual(problemsOf(STEP + LINK + shared("step") + own("link")), []);
});

test("over a rule whose groups are not accounts there are only such rules", () => {
  const over = shared("shared").replace("name: shared", "name: over").replace("deviceId", "asn");
  deepEqual(problemsOf(STEP + shared("step") + "---\n" + over), []);
  deepEqual(problemsOf(STEP + shared("step") + own("shared")), [
    'r.yml:12:43: the rule "shared", whose groups are not accounts; name a detection of service: signal with linkRule: shared',
  ]);
});

test("it responds through its links only", () => {
  const respond = "holdfast:\n    respond:\n        - hold: [WITHDRAW]\n          for: 1h\n          reason: X\n";
  deepEqual(problemsOf(STEP + shared("step", respond)), [
    "r.yml:10:5: a response of a rule whose groups are not accounts; remove it, and respond in a rule grouped by accountId over service: signal, linkRule: shared",
  ]);
});

test("it reads no links, by itself or through others: it could feed itself", () => {
  const refused = (rule: string, place: string): string[] => [
    `r.yml:${place}: the rule "${rule}", which reads links, in a rule that makes links: it could feed itself; write group-by: [accountId]`,
  ];
  deepEqual(problemsOf(LINK + shared("link").replace("deviceId", "linkedBy")), refused("link", "8:43"));
  deepEqual(
    problemsOf(LINK + own("link").slice(4) + "---\n" + shared("own").replace("deviceId", "linkedBy")),
    refused("own", "12:43"),
  );
});
