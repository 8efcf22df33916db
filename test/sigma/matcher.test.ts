// What a comparison means: one row a sentence of the language.

import { strictEqual } from "node:assert/strict";
import { test } from "node:test";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { ProfileFacts } from "../../src/core/profile-facts.ts";
import { NO_FACTS, event, matcherOf } from "./loading.ts";

type Row = readonly [
  selection: string,
  fields: Partial<ExchangeEvent>,
  matches: boolean,
  facts?: Partial<ProfileFacts>,
];

function table(name: string, rows: readonly Row[]): void {
  test(name, () => {
    for (const [selection, fields, matches, facts] of rows) {
      const actual = matcherOf(selection)(event(fields), { ...NO_FACTS, ...facts });
      strictEqual(actual, matches, `${selection} on ${JSON.stringify({ ...fields, ...facts })}`);
    }
  });
}

table("text is compared without case unless cased", [
  ["{ country: hk }", { country: "HK" }, true],
  ["{ country: HK }", { country: "hk" }, true],
  ["{ country|cased: hk }", { country: "HK" }, false],
  ["{ country|cased: HK }", { country: "HK" }, true],
  ["{ userAgent: STRASSE }", { userAgent: "strasse" }, true],
  ["{ userAgent: ÄÖ }", { userAgent: "äö" }, true],
  ["{ userAgent: ÄÖ* }", { userAgent: "äöü" }, true],
  ["{ country: HK }", { country: "HKX" }, false],
]);

table("wildcards and their escaping", [
  ["{ userAgent: 'curl*' }", { userAgent: "CURL/8" }, true],
  ["{ userAgent: '*8' }", { userAgent: "curl/8" }, true],
  ["{ userAgent: 'c*l/?' }", { userAgent: "curl/8" }, true],
  ["{ userAgent: 'c*l/?' }", { userAgent: "curl/" }, false],
  ["{ userAgent: '?' }", { userAgent: "😀" }, true],
  ["{ userAgent: '??' }", { userAgent: "😀" }, false],
  ["{ userAgent: 'a*b*c' }", { userAgent: "a-b-b-c" }, true],
  ["{ userAgent: 'a*b*c' }", { userAgent: "a-c-b" }, false],
  ["{ userAgent: '*' }", { userAgent: "" }, true],
  ["{ userAgent: '*' }", { userAgent: null }, false],
  ["{ userAgent: 'a\\*' }", { userAgent: "a*" }, true],
  ["{ userAgent: 'a\\*' }", { userAgent: "ab" }, false],
  ["{ userAgent: 'a\\?' }", { userAgent: "a?" }, true],
  ["{ userAgent: 'a\\\\*' }", { userAgent: "a\\bc" }, true],
  ["{ userAgent: 'a\\\\\\*' }", { userAgent: "a\\*" }, true],
  ["{ userAgent: 'a\\b' }", { userAgent: "a\\b" }, true],
  ["{ userAgent: 'a\\\\b' }", { userAgent: "a\\b" }, true],
  ["{ userAgent: 'a\\\\\\\\' }", { userAgent: "a\\\\" }, true],
]);

table("contains, startswith, endswith", [
  ["{ userAgent|contains: url }", { userAgent: "cURL/8" }, true],
  ["{ userAgent|startswith: url }", { userAgent: "cURL/8" }, false],
  ["{ userAgent|startswith: cur }", { userAgent: "cURL/8" }, true],
  ["{ userAgent|endswith: '/8' }", { userAgent: "cURL/8" }, true],
  ["{ userAgent|contains|cased: url }", { userAgent: "cURL/8" }, false],
  ["{ userAgent|contains: 'c?r' }", { userAgent: "a cur" }, true],
  ["{ userAgent|contains: '' }", { userAgent: "" }, true],
]);

table("null is absent, null or an empty list; exists is the opposite", [
  ["{ address: null }", {}, true],
  ["{ address: null }", { address: null }, true],
  ["{ address: null }", { address: "" }, false],
  ["{ ipList: null }", { ipList: [] }, true],
  ["{ ipList: null }", { ipList: ["1.2.3.4"] }, false],
  ["{ ipList|exists: true }", { ipList: [] }, false],
  ["{ address|exists: true }", { address: "a" }, true],
  ["{ address|exists: true }", { address: null }, false],
  ["{ address|exists: false }", {}, true],
  ["{ address: '' }", { address: "" }, true],
  ["{ address: '' }", { address: null }, false],
]);

table("a null matches no comparison, and so every neq", [
  ["{ country: HK }", {}, false],
  ["{ country|neq: HK }", {}, true],
  ["{ country|neq: HK }", { country: "HK" }, false],
  ["{ country|neq: HK }", { country: "DE" }, true],
  ["{ country|neq: [HK, DE] }", { country: "DE" }, false],
  ["{ amountUsdCents|neq: 5 }", {}, true],
  ["{ amountUsdCents|neq: 5 }", { amountUsdCents: 5 }, false],
  ["{ amountUsdCents|lt: 5 }", {}, false],
  ["{ profile.newDevice: true }", {}, false],
  ["{ profile.newDevice: false }", {}, false],
  ["{ profile.presentedStrength|lte: 1 }", {}, false],
]);

table("a list field answers when any element does", [
  ["{ rights: WITHDRAW }", { rights: ["TRADE", "WITHDRAW"] }, true],
  ["{ rights: WITHDRAW }", { rights: ["TRADE"] }, false],
  ["{ rights: [TRANSFER, TRADE] }", { rights: ["TRADE"] }, true],
  ["{ rights|all: [TRADE, WITHDRAW] }", { rights: ["WITHDRAW", "TRADE", "READ"] }, true],
  ["{ rights|all: [TRADE, WITHDRAW] }", { rights: ["TRADE"] }, false],
  ["{ rights|neq: WITHDRAW }", { rights: ["TRADE", "WITHDRAW"] }, false],
  ["{ rights|neq: WITHDRAW }", { rights: [] }, true],
  ["{ ipList|cidr: 10.0.0.0/8 }", { ipList: ["192.0.2.1", "10.1.2.3"] }, true],
  ["{ knownAsns|gt: 5 }", { knownAsns: [1, 7] }, true],
]);

table("numbers compare as numbers when both sides are, else as text", [
  ["{ amountUsdCents: 500 }", { amountUsdCents: 500 }, true],
  ["{ amountUsdCents: '500' }", { amountUsdCents: 500 }, true],
  ["{ amountUsdCents: '5*' }", { amountUsdCents: 500 }, true],
  ["{ amountUsdCents|gte: 500 }", { amountUsdCents: 500 }, true],
  ["{ amountUsdCents|gt: 500 }", { amountUsdCents: 500 }, false],
  ["{ amountUsdCents|lt: 0.5 }", { amountUsdCents: 0 }, true],
  ["{ keyId: 42 }", { keyId: "42" }, true],
  ["{ keyId: 42 }", { keyId: "42.0" }, false],
  ["{ detail.score: 5 }", { detail: { score: "5" } }, true],
  ["{ detail.score|gt: 9 }", { detail: { score: "10" } }, true],
  ["{ detail.score|gt: 9 }", { detail: { score: "high" } }, false],
]);

table("booleans, facts of the profile, names inside detail", [
  ["{ addressListed: true }", { addressListed: true }, true],
  ["{ addressListed: 'True' }", { addressListed: true }, true],
  ["{ addressListed: true }", { addressListed: false }, false],
  ["{ profile.newDevice: true }", {}, true, { newDevice: true }],
  ["{ profile.presentedStrength|lte: 1 }", {}, true, { presentedStrength: 0 }],
  ["{ profile.secondsSinceNewDevice: 0 }", {}, true, { secondsSinceNewDevice: 0 }],
  ["{ detail.a.b: x }", { detail: { "a.b": "X" } }, true],
  ["{ detail.constructor|exists: true }", { detail: {} }, false],
  ["{ detail.x|exists: true }", {}, false],
]);

table("address ranges", [
  ["{ ip|cidr: 192.0.2.0/24 }", { ip: "192.0.2.255" }, true],
  ["{ ip|cidr: 192.0.2.0/24 }", { ip: "192.0.3.0" }, false],
  ["{ ip|cidr: 192.0.2.128/25 }", { ip: "192.0.2.127" }, false],
  ["{ ip|cidr: 0.0.0.0/0 }", { ip: "8.8.8.8" }, true],
  ["{ ip|cidr: 0.0.0.0/0 }", { ip: "2001:db8::1" }, false],
  ["{ ip|cidr: '2001:db8::/32' }", { ip: "2001:DB8:ffff::1" }, true],
  ["{ ip|cidr: '2001:db8::/32' }", { ip: "2001:db9::1" }, false],
  ["{ ip|cidr: '2001:db8::/32' }", { ip: "192.0.2.1" }, false],
  ["{ ip|cidr: 192.0.2.0/24 }", { ip: "::ffff:192.0.2.7" }, true],
  ["{ ip|cidr: '::/0' }", { ip: "::" }, true],
  ["{ ip|cidr: '::/0' }", { ip: "192.0.2.1" }, false],
  ["{ ip|cidr: '::/0' }", { ip: "::ffff:192.0.2.1" }, false],
  ["{ ip|cidr: '::/64' }", { ip: "192.0.2.1" }, false],
  ["{ ip|cidr: '::/64' }", { ip: "::1" }, true],
  ["{ ip|cidr: '::ffff:192.0.2.0/120' }", { ip: "192.0.2.1" }, true],
  ["{ ip|cidr: '::ffff:0:0/96' }", { ip: "192.0.2.1" }, true],
  ["{ ip|cidr: '::fffe:0:0/95' }", { ip: "192.0.2.1" }, false],
  ["{ ip|cidr: 192.0.2.1 }", { ip: "192.0.2.1" }, true],
  ["{ ip|cidr: 10.0.0.0/8 }", { ip: "10.0.0" }, false],
  ["{ ip|cidr: 10.0.0.0/8 }", { ip: "10.0.0.256" }, false],
  ["{ ip|cidr: 10.0.0.0/8 }", { ip: "10.0.0.01" }, false],
  ["{ ip|cidr: '::/0' }", { ip: "1::2::3" }, false],
  ["{ ip|cidr: '::/0' }", { ip: "1:2:3:4:5:6:7:8:9" }, false],
  ["{ ip|cidr: '::/0' }", { ip: "1:2:3:4:5:6:7:8" }, true],
  ["{ ip|cidr: '::/0' }", { ip: "1:2:3:4:5:6:7:" }, false],
  ["{ ip|cidr: '::/0' }", { ip: "12345::" }, false],
]);

table("maps are AND, lists of values and of maps are OR", [
  ["{ type: LOGIN_SUCCEEDED, country: HK }", { country: "HK" }, true],
  ["{ type: LOGIN_FAILED, country: HK }", { country: "HK" }, false],
  ["{ country: [DE, HK] }", { country: "HK" }, true],
  ["[{ country: DE }, { type: LOGIN_SUCCEEDED }]", { country: "HK" }, true],
  ["[{ country: DE }, { type: LOGIN_FAILED }]", { country: "HK" }, false],
  ["{ type: 'LOGIN_*' }", {}, true],
]);

test("a long list of values is one look-up, still without case", () => {
  const addresses = Array.from({ length: 50 }, (_, index) => `Addr${index}`);
  const matches = matcherOf(`{ address: [${addresses.join(", ")}] }`);
  strictEqual(matches(event({ address: "Addr49" }), NO_FACTS), true);
  strictEqual(matches(event({ address: "aDDR49" }), NO_FACTS), true);
  strictEqual(matches(event({ address: "addr50" }), NO_FACTS), false);
});
