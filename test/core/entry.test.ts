import { strict as assert } from "node:assert";
import { test } from "node:test";
import { inEventOrder, summarise } from "../../src/core/entry.ts";
import { event } from "./world.ts";

test("evidence is summarised in the notation of timelines", () => {
  const rows: readonly (readonly [Parameters<typeof event>[2], Parameters<typeof event>[3], string])[] = [
    ["LOGOUT", {}, "LOGOUT"],
    ["RISK_NOTICE_SENT", { country: "HK", channel: "SMS" }, "RISK_NOTICE_SENT channel=SMS country=HK"],
    ["FACTOR_SWITCHED", { factor: "TOTP", toFactor: "SMS" }, "FACTOR_SWITCHED factor=TOTP toFactor=SMS"],
    [
      "API_KEY_CREATED",
      { verifiedWith: ["SMS"], rights: ["TRADE", "WITHDRAW"], ipList: [] },
      "API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]",
    ],
    ["API_KEY_CREATED", { verifiedWith: [], rights: null }, "API_KEY_CREATED verifiedWith=[]"],
    [
      "TRADE_FILLED",
      { symbol: "QQQ-USDT", side: "BUY", notionalUsdCents: 5, priceDeviationBps: -3, counterpartyAccountId: "bob" },
      "TRADE_FILLED symbol=QQQ-USDT side=BUY notionalUsdCents=5 priceDeviationBps=-3",
    ],
    ["LOGIN_SUCCEEDED", { deviceId: 'a "b" c', asn: 9 }, 'LOGIN_SUCCEEDED asn=9 deviceId="a \\"b\\" c"'],
  ];
  for (const [type, fields, summary] of rows) assert.equal(summarise(event("e", 0, type, fields)), summary);
});

test("a summary is cut at 160 characters", () => {
  const long = summarise(event("e", 0, "LOGIN_SUCCEEDED", { deviceId: "d".repeat(500) }));
  assert.equal(long.length, 160);
  assert.match(long, /^LOGIN_SUCCEEDED deviceId=d+…$/);
});

test("event order is by time, then by id", () => {
  const events = [event("b", 2, "X"), event("a", 2, "X"), event("c", 1, "X")];
  assert.deepEqual(
    events.toSorted(inEventOrder).map((each) => each.eventId),
    ["c", "a", "b"],
  );
  assert.equal(inEventOrder(events[0]!, events[0]!), 0);
});
