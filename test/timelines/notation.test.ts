// The notation itself: what is written is what is fed, and printing is the inverse of parsing.

import { deepEqual, strictEqual, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openDriver } from "../../src/testing/driver.ts";
import { runTimeline, timeline } from "../../src/testing/timeline-run.ts";
import {
  TIMELINE_START,
  TimelineError,
  parseLine,
  parseTime,
  parseTimeline,
  printTime,
  printTimeline,
} from "../../src/testing/timeline.ts";
import { shippedRules } from "./shipped.ts";

test("a line is an event of its type's service, with values by their fields' kinds", () => {
  const { at, arrival, outcome } = parseLine(
    '+1d00:04:05.006 bob WITHDRAWAL_REQUESTED channel=P2P amountUsdCents=250 addressListed=true keyId=17 address=null via=APP verifiedWith=[SMS, EMAIL] userAgent="a → b, \\"c\\"" detail.note="two words" detail.n=5 → FREEZE bob, HOLD bob',
    7,
  );
  strictEqual(at, TIMELINE_START + 86_400_000 + 245_006);
  strictEqual(arrival?.service, "withdrawal");
  deepEqual(JSON.parse(JSON.stringify(arrival?.event)), {
    eventId: "e7",
    accountId: "bob",
    type: "WITHDRAWAL_REQUESTED",
    occurredAt: at,
    channel: "P2P",
    amountUsdCents: 250,
    addressListed: true,
    keyId: "17",
    via: "APP",
    verifiedWith: ["SMS", "EMAIL"],
    userAgent: 'a → b, "c"',
    detail: { note: "two words", n: "5" },
  });
  deepEqual(outcome, ["FREEZE bob", "HOLD bob"]);
});

test("the account is alice unless written; a line without an event is what time decided", () => {
  strictEqual(parseLine("00:01 LOGOUT", 1).arrival?.event.accountId, "alice");
  strictEqual(parseLine("00:01 LOGOUT deviceId=d", 1).arrival?.event.accountId, "alice");
  strictEqual(parseLine("00:01 x-1 LOGOUT", 1).arrival?.event.accountId, "x-1");
  deepEqual(parseLine("00:01 → REVIEW alice", 1), {
    at: TIMELINE_START + 60_000,
    arrival: null,
    outcome: ["REVIEW alice"],
  });
});

test("lines that are not in the notation say what to write", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["0:01 LOGOUT", /^the time "0:01"; write hh:mm/u],
    ["24:00 LOGOUT", /^the time "24:00"/u],
    ["00:01", /nothing happens/u],
    ["00:01 alice LOGUOT", /^the unknown type "LOGUOT"; did you mean LOGOUT\?$/u],
    ["00:01 LOGUOT deviceId=d", /^the unknown type "LOGUOT"/u],
    ["00:01 LOGOUT device=d", /unknown field device/u],
    ["00:01 LOGOUT asn=many", /^LOGOUT: asn /u],
    ["00:01 FACTOR_REMOVED factor=TOPT", /factor must be one of EMAIL/u],
    ["00:01 LOGOUT quickly", /^"quickly" after LOGOUT; write field=value$/u],
    ['00:01 LOGOUT userAgent="open', /an open quote or bracket/u],
    ["00:01 API_KEY_CREATED rights=[TRADE", /an open quote or bracket/u],
  ];
  for (const [line, message] of rows) {
    throws(
      () => parseLine(line, 1),
      (error) => error instanceof TimelineError && message.test(error.message),
      line,
    );
  }
});

test("printing and parsing are inverse, for times and for whole timelines", () => {
  fc.assert(
    fc.property(fc.nat(10 * 86_400_000), (offset) =>
      strictEqual(parseTime(printTime(TIMELINE_START + offset)), offset),
    ),
  );
  const text = fc
    .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
    .filter((value) => value.isWellFormed() && !/[\r\n\u0085\u2028\u2029]/u.test(value));
  const fields = fc.record(
    {
      userAgent: text,
      deviceId: text,
      asn: fc.nat(4_294_967_295),
      verifiedWith: fc.subarray(["SMS", "TOTP"]),
      knownDevices: fc.array(text, { maxLength: 3 }),
      detail: fc.constant({ a: "b c" }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fields, fc.nat(86_400_000), (given, offset) => {
      const printed = printTimeline({
        given: [],
        lines: [
          {
            at: TIMELINE_START + offset,
            outcome: ["HOLD alice"],
            arrival: {
              service: "auth",
              event: {
                eventId: "e1",
                accountId: "alice",
                type: "LOGOUT",
                occurredAt: TIMELINE_START + offset,
                ...(given as object),
              },
            },
          },
        ],
      });
      const read = parseTimeline(printed).lines[0]?.arrival?.event;
      deepEqual(JSON.parse(JSON.stringify(read)), {
        eventId: "e1",
        accountId: "alice",
        type: "LOGOUT",
        occurredAt: TIMELINE_START + offset,
        ...given,
      });
      strictEqual(printTimeline(parseTimeline(printed)), printed);
    }),
  );
});

test("a timeline that goes otherwise fails with both texts, silence included", async () => {
  const rules = await shippedRules();
  const tag = timeline(rules);
  strictEqual(tag`00:00 PASSWORD_CHANGED → HOLD alice`, undefined);
  throws(() => tag`00:00 PASSWORD_CHANGED`, /→ HOLD alice/u);
  throws(() => tag`00:00 PASSWORD_CHANGED → HOLD bob`, /→ HOLD alice/u);
  throws(() => tag`00:00 PASSWORD_CHANGED → FREEZE alice, HOLD alice`, /→ HOLD alice/u);
  throws(() => tag`00:00 LOGOUT → HOLD alice`);
  strictEqual(
    printTimeline(
      runTimeline(parseTimeline("given carol knownDevices=[d1]\n00:00 carol LOGIN_SUCCEEDED deviceId=d2"), { rules }),
    ),
    "given  carol  knownDevices=[d1]\n00:00  carol  LOGIN_SUCCEEDED deviceId=d2  → HOLD carol",
  );
});

test("the driver closes what time closes, at its end", async () => {
  const driver = openDriver({ rules: await shippedRules() });
  const line = parseLine("00:00 PASSWORD_CHANGED", 1);
  const arrival = { service: "auth", topic: "auth-events", partition: 0, offset: 1, recordTimestamp: line.at } as const;
  const opened = driver
    .apply(arrival, line.arrival!.event)
    .flatMap(({ detections }) => detections.map(({ kind }) => kind));
  const closed = driver.finish().flatMap(({ detections }) => detections.map(({ kind }) => kind));
  deepEqual([opened, closed], [["OPENED"], ["CLOSED"]]);
});
