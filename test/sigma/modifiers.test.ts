// What each modifier compares, on events as the processor reads them.

import { deepEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { EVENT_TYPES } from "../../src/core/event-fields.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { parseInstant, partOf } from "../../src/sigma/calendar.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { WatchList, watchValue } from "../../src/sigma/watch-list.ts";
import { NO_FACTS, detectionRule, event, matcherOf } from "./loading.ts";

type Row = readonly [selection: string, fields: Partial<ExchangeEvent>, matches: boolean];

function table(name: string, rows: readonly Row[]): void {
  test(name, () => {
    for (const [selection, fields, matches] of rows) {
      const actual = matcherOf(selection)(event(fields), NO_FACTS);
      strictEqual(actual, matches, `${selection} on ${JSON.stringify(fields)}`);
    }
  });
}

table("regular expressions are found anywhere, with case, unless told otherwise", [
  ["{ userAgent|re: 'url/[0-9]+' }", { userAgent: "curl/8" }, true],
  ["{ userAgent|re: '^url' }", { userAgent: "curl/8" }, false],
  ["{ userAgent|re: CURL }", { userAgent: "curl/8" }, false],
  ["{ userAgent|re|i: CURL }", { userAgent: "curl/8" }, true],
  ["{ userAgent|re: '^b$' }", { userAgent: "a\nb" }, false],
  ["{ userAgent|re|m: '^b$' }", { userAgent: "a\nb" }, true],
  ["{ userAgent|re: 'a.b' }", { userAgent: "a\nb" }, false],
  ["{ userAgent|re|s: 'a.b' }", { userAgent: "a\nb" }, true],
  ["{ userAgent|re|startswith: 'a|b' }", { userAgent: "xb" }, false],
  ["{ userAgent|re|endswith: 'a|b' }", { userAgent: "xb" }, true],
  ["{ userAgent|re|contains: 'x*b' }", { userAgent: "axxbc" }, true],
  ["{ asn|re: '^6' }", { asn: 64500 }, true],
  ["{ type|re: '^API_' }", { type: "API_KEY_CREATED" }, true],
  ["{ rights|re: WITH }", { rights: ["TRADE", "WITHDRAW"] }, true],
  ["{ userAgent|re|neq: x }", { userAgent: null }, true],
  ["{ userAgent|re: '.*' }", { userAgent: null }, false],
]);

table("fieldref compares two fields of one event", [
  ["{ deviceId|fieldref: issuedDeviceId }", { deviceId: "d", issuedDeviceId: "D" }, true],
  ["{ deviceId|fieldref: issuedDeviceId }", { deviceId: "d", issuedDeviceId: "e" }, false],
  ["{ deviceId|fieldref: issuedDeviceId }", { deviceId: null, issuedDeviceId: null }, false],
  ["{ deviceId|fieldref|neq: issuedDeviceId }", { deviceId: "d", issuedDeviceId: "e" }, true],
  ["{ deviceId|fieldref|neq: issuedDeviceId }", { deviceId: "d" }, true],
  ["{ deviceId|cased|fieldref: issuedDeviceId }", { deviceId: "d", issuedDeviceId: "D" }, false],
  ["{ deviceId|cased|fieldref: issuedDeviceId }", { deviceId: "D", issuedDeviceId: "D" }, true],
  ["{ deviceId|cased|fieldref|startswith: country }", { deviceId: "hk-1", country: "HK" }, false],
  ["{ asn|fieldref: issuedAsn }", { asn: 5, issuedAsn: 5 }, true],
  ["{ deviceId|fieldref|startswith: country }", { deviceId: "hk-1", country: "HK" }, true],
  ["{ deviceId|fieldref|endswith: country }", { deviceId: "1-hk", country: "HK" }, true],
  ["{ deviceId|fieldref|endswith: country }", { deviceId: "hk-1", country: "HK" }, false],
  ["{ deviceId|fieldref|contains: country }", { deviceId: "a-hk-1", country: "HK" }, true],
  ["{ deviceId|fieldref: knownDevices }", { deviceId: "b", knownDevices: ["a", "b"] }, true],
]);

table("keywords search every text of the event, and only texts", [
  ["[evil]", { userAgent: "some EVIL agent" }, true],
  ["[evil]", { detail: { note: "evil" } }, true],
  ["[evil]", { rights: ["an evil right"] }, true],
  ["[evil]", { asn: 5 }, false],
  ["{ '|all': [evil, agent] }", { userAgent: "evil", country: "agent" }, true],
  ["{ '|all': [evil, agent] }", { userAgent: "evil" }, false],
  ["[evil, 'ag?nt']", { userAgent: "an agent" }, true],
  ["{ '|cased': Evil }", { userAgent: "an evil agent" }, false],
  ["{ '|startswith': evil }", { userAgent: "an evil agent" }, false],
  ["{ '|re': 'ev.l' }", { userAgent: "an evil agent" }, true],
  ["[evil, { country: HK }]", { country: "HK" }, true],
  ["[64500]", { userAgent: "asn 64500" }, true],
]);

table("encodings", [
  ["{ userAgent|base64: foobar }", { userAgent: "Zm9vYmFy" }, true],
  ["{ userAgent|base64offset|contains: foobar }", { userAgent: "eGZvb2Jhcnk=" }, true],
  ["{ userAgent|base64offset|contains: foobar }", { userAgent: "eHhmb29iYXJ5" }, true],
  ["{ userAgent|base64offset|contains: foobar }", { userAgent: "Zm9vYmFyeQ==" }, true],
  ["{ userAgent|base64offset|contains: foobar }", { userAgent: "Zm9vYmF6" }, false],
  ["{ userAgent|wide|base64: cmd }", { userAgent: "YwBtAGQA" }, true],
  ["{ userAgent|utf16le|base64: cmd }", { userAgent: "YwBtAGQA" }, true],
  ["{ userAgent|utf16be|base64: cmd }", { userAgent: "AGMAbQBk" }, true],
  ["{ userAgent|utf16|base64: cmd }", { userAgent: "//5jAG0AZAA=" }, true],
  ["{ userAgent|wide: ab }", { userAgent: "a\0b\0" }, true],
]);

table("dashes that begin a parameter in every spelling", [
  ["{ userAgent|windash: 'x -a' }", { userAgent: "x /a" }, true],
  ["{ userAgent|windash: 'x /a' }", { userAgent: "x –a" }, true],
  ["{ userAgent|windash|contains: ' -param-name' }", { userAgent: "x ―param-name y" }, true],
  ["{ userAgent|windash|contains: ' -param-name' }", { userAgent: "x -param/name y" }, false],
]);

table("all asks for each written value, in any of its spellings", [
  ["{ userAgent|windash|contains|all: [' -a', ' -b'] }", { userAgent: "x /a -b" }, true],
  ["{ userAgent|contains|all|windash: [' -a', ' -b'] }", { userAgent: "x –b /a" }, true],
  ["{ userAgent|windash|contains|all: [' -a', ' -b'] }", { userAgent: "x /a -a" }, false],
  ["{ userAgent|windash|contains|all|neq: [' -a', ' -b'] }", { userAgent: "x /a -b" }, false],
  ["{ userAgent|windash|contains|all|neq: [' -a', ' -b'] }", { userAgent: "x /a" }, true],
  ["{ userAgent|windash|contains|neq: [' -a', ' -b'] }", { userAgent: "x /b" }, false],
  ["{ knownDevices|windash|all: ['-a', '-b'] }", { knownDevices: ["/b", "-a"] }, true],
  ["{ userAgent|base64offset|contains|all: [foobar, quxqux] }", { userAgent: "eGZvb2JhcnF1eHF1eA==" }, true],
  ["{ userAgent|base64offset|contains|all: [foobar, quxqux] }", { userAgent: "eGZvb2Jhcg==" }, false],
  ["{ '|windash|all': [' -a', ' -b'] }", { userAgent: "x /a", country: "x -b" }, true],
  ["{ '|windash|all': [' -a', ' -b'] }", { userAgent: "x /a" }, false],
]);

table("parts of instants, in UTC", [
  ["{ occurredAt|hour: 0 }", { occurredAt: 1_717_891_200_000 }, true],
  ["{ occurredAt|hour|gte: 22 }", { occurredAt: 1_717_891_200_000 - 1 }, true],
  ["{ occurredAt|minute: 59 }", { occurredAt: 1_717_891_200_000 - 1 }, true],
  ["{ occurredAt|day: 9 }", { occurredAt: 1_717_891_200_000 }, true],
  ["{ occurredAt|month: [5, 6] }", { occurredAt: 1_717_891_200_000 }, true],
  ["{ occurredAt|year|neq: 2024 }", { occurredAt: 1_717_891_200_000 }, false],
  ["{ occurredAt|week: 23 }", { occurredAt: 1_717_891_200_000 }, true],
  ["{ createdAt|year|lt: 2030 }", { createdAt: null }, false],
]);

test("the calendar is the platform's, for four hundred years of noons", () => {
  for (let at = -6_311_433_600_000; at < 6_311_433_600_000; at += 86_400_000 * 11 + 3_599_123) {
    const date = new Date(at);
    const actual = (["minute", "hour", "day", "month", "year"] as const).map((part) => partOf(at, part));
    const expected = [
      date.getUTCMinutes(),
      date.getUTCHours(),
      date.getUTCDate(),
      date.getUTCMonth() + 1,
      date.getUTCFullYear(),
    ];
    deepEqual(actual, expected, date.toISOString());
    strictEqual(parseInstant(date.toISOString()), at);
  }
  deepEqual(
    ["2021-01-03", "2021-01-04", "2020-12-31", "2018-12-31", "2024-06-09T02:00:00+02:00"].map((text) =>
      partOf(parseInstant(text) ?? 0, "week"),
    ),
    [53, 1, 53, 1, 23],
  );
  const none = ["", "yesterday", "2024-13-01", "2024-01-00", "2024-01-32", "2024-02-30", "2023-02-29", "2100-02-29"];
  for (const text of [...none, "2024-04-31", "2024-02-31T12:00:00Z", "2024-01-01T25:00:00Z"])
    strictEqual(parseInstant(text), null, text);
  for (const text of ["2024-02-29", "2000-02-29", "2024-12-31", "0000-02-29", "9999-12-31"])
    strictEqual(parseInstant(text), Date.parse(text), text);
});

test("null in a list of values asks for absence too", () => {
  const matches = matcherOf("{ country: [HK, null] }");
  deepEqual(
    ["HK", null, "US"].map((country) => matches(event({ country }), NO_FACTS)),
    [true, true, false],
  );
});

test("a placeholder reads its watch-list as it is at the event", () => {
  const list = new WatchList(
    ["# wallets", " 0xAbC  # one", "", "bc1q", "#none"].flatMap((line) => watchValue(line) ?? []),
  );
  strictEqual(list.size, 2);
  const watchLists = new Map([["wallets", list]]);
  const matches = matcherOf("{ address|expand: '%wallets%' }", { watchLists });
  const cased = matcherOf("{ address|cased|expand: '%wallets%' }", { watchLists });
  const of = (address: string | null): boolean[] => [matches, cased].map((each) => each(event({ address }), NO_FACTS));
  deepEqual(of("0xAbC"), [true, true]);
  deepEqual(of("0xABC"), [true, false]);
  deepEqual(of("none"), [false, false]);
  deepEqual(of(null), [false, false]);
  list.replace(["none"]);
  deepEqual(
    [of("none"), of("0xAbC")],
    [
      [true, true],
      [false, false],
    ],
  );
});

table("an escaped percent sign is a plain one where placeholders are looked for", [
  ["{ userAgent|expand: '\\%plain\\%' }", { userAgent: "%Plain%" }, true],
  ["{ userAgent|expand: '\\%plain%' }", { userAgent: "%plain%" }, true],
  ["{ userAgent|contains|expand: '100\\%' }", { userAgent: "at 100% of" }, true],
  ["{ userAgent|expand: '\\%*\\%' }", { userAgent: "%x%" }, true],
  ["{ userAgent|expand: '\\\\%' }", { userAgent: "\\%" }, true],
  ["{ userAgent: '\\%plain\\%' }", { userAgent: "\\%plain\\%" }, true],
  ["{ userAgent: '%plain%' }", { userAgent: "%plain%" }, true],
]);

test("a watch-list of a million values is one look-up", () => {
  const list = new WatchList(Array.from({ length: 1_000_000 }, (_, index) => `bc1q${index}`));
  const matches = matcherOf("{ address|expand: '%wallets%' }", { watchLists: new Map([["wallets", list]]) });
  const started = performance.now();
  for (let index = 0; index < 100_000; index++) matches(event({ address: `bc1q${index}x` }), NO_FACTS);
  ok(performance.now() - started < 2_000);
});

test("which event types a detection can match", () => {
  const typesOf = (detection: string, service?: string): string[] | null => {
    const [rule] = loadRules([{ path: "t.yml", text: detectionRule(detection, service) }]).rules!.detections;
    return rule!.types === null ? null : [...rule!.types].toSorted();
  };
  deepEqual(typesOf("s: { type: LOGOUT, ip: x }\ncondition: s"), ["LOGOUT"]);
  deepEqual(typesOf("s: { type: [LOGOUT, login_failed] }\nt: { ip: x }\ncondition: s and not t"), [
    "LOGIN_FAILED",
    "LOGOUT",
  ]);
  deepEqual(typesOf("s: { type: LOGOUT }\nt: { ip: x }\ncondition: s or t"), null);
  deepEqual(typesOf("s: { type|re: 'OUT$' }\ncondition: s"), ["LOGOUT"]);
  deepEqual(typesOf("s: { type: API_KEY_* }\nt: { type: '*_DELETED' }\ncondition: s and not t"), [
    "API_KEY_CREATED",
    "API_KEY_IP_LIST_CHANGED",
    "API_KEY_RIGHTS_CHANGED",
  ]);
  deepEqual(
    typesOf("s: { type|neq: API_KEY_CREATED }\ncondition: s", "api_key"),
    EVENT_TYPES.api_key.filter((type) => type !== "API_KEY_CREATED").toSorted(),
  );
  deepEqual(typesOf("s: { type: LOGOUT, ip: x }\ncondition: not s", "auth"), null);
  deepEqual(typesOf("s: { profile.weakerThanBefore: true }\ncondition: s"), ["FACTOR_ENROLLED", "FACTOR_REMOVED"]);
  deepEqual(typesOf("s: { profile.weakerThanBefore: null }\ncondition: s"), null);
  deepEqual(typesOf("s: { profile.weakerThanBefore: true }\ncondition: not s"), null);
  deepEqual(typesOf("s: { rights: TRADE }\ncondition: s"), EVENT_TYPES.api_key.toSorted());
});
