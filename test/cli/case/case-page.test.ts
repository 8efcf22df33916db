// The case page: complete in itself, harmless whatever the records say, and the same moments as the text.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { caseFileOf } from "../../../src/cli/case/case-file.ts";
import { casePage } from "../../../src/cli/case/case-page.ts";
import { markedLine, scaleOf } from "../../../src/cli/case/drawing.ts";
import { html } from "../../../src/cli/case/markup.ts";
import { fieldInWords, inWords, readSummary, writeSummary } from "../../../src/cli/case/summary.ts";
import { span } from "../../../src/cli/case/wording.ts";
import { DAY, HOUR, MINUTE } from "../../../src/core/time.ts";
import { at, decision, evidence, freeze, frozen, recordsOf, released } from "./records.ts";

const page = (records: Parameters<typeof caseFileOf>[1], minutes: number): string =>
  casePage(caseFileOf("alice", records, { asOf: at(minutes) }));

/** Elements without their text: what a browser would act on. */
function elementsOf(markup: string): string[] {
  return (markup.match(/<[a-z][^>]*>/giu) ?? []).map((tag) => tag.toLowerCase());
}

test("the page fetches nothing and runs nothing, and forbids both", () => {
  const text = page(released, 31);
  assert.match(text, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  const acting = elementsOf(text).filter((tag) =>
    /^<(script|link|img|iframe|object|form|input)|\son\w+=|\bsrc=/u.test(tag),
  );
  assert.deepEqual(acting, []);
  const links = elementsOf(text).filter((tag) => tag.includes("href="));
  assert.ok(
    links.every((tag) => tag.includes('href="#')),
    links.join(),
  );
  assert.doesNotMatch(text, /@import|url\(|https?:/u);
});

test("the page says what is closed, what happened, who decided and how it is undone", () => {
  const open = page(frozen, 10);
  for (const said of [
    "WITHDRAW: frozen",
    "TRADE: held",
    "API key created",
    "decided the case",
    "0.6 s after",
    "FALSE_POSITIVE --by YOU",
  ]) {
    assert.ok(open.includes(said), said);
  }
  const over = page(released, 31);
  for (const said of ["released since 2026-06-09 10:30:00", "m.lee", "the customer called", "RELEASE"]) {
    assert.ok(over.includes(said), said);
  }
});

test("an unacknowledged freeze stands at the top as an alarm", () => {
  assert.match(
    page(recordsOf({ commands: [[freeze, 4.01]] }), 6),
    /class="alarm">FREEZE of WITHDRAW.*not acknowledged/,
  );
  assert.doesNotMatch(page(frozen, 6), /class="alarm"/);
});

test("whatever the records say is text and nothing else", () => {
  const before = elementsOf(page(frozen, 10)).length;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (foreign) => {
      const nasty = `<script>alert("&'${foreign}</script>\u202E`;
      const events = [evidence("e1", 0, `LOGIN_SUCCEEDED deviceId=${nasty}`), ...freeze.evidence.slice(1)];
      const command = { ...freeze, evidence: events, ruleTitle: nasty, reasonCode: nasty };
      const text = page(
        { ...frozen, commands: [frozen.commands[0]!, { value: command, at: at(4.01) }], detections: [] },
        10,
      );
      assert.ok(!elementsOf(text).some((tag) => tag.startsWith("<script")));
      assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Cs}]/u);
      // As many elements as without it, but for badges and notes that only the detection would bring.
      assert.ok(elementsOf(text).length <= before);
    }),
    { numRuns: 100 },
  );
});

test("a template's values are escaped, markup made by templates is not", () => {
  assert.equal(
    String(html`<b title="${`"'`}">${"<i>&"}${html`<i>x</i>`}${[html`1`, "<"]}${null}${false}${0}</b>`),
    `<b title="&quot;&#39;">&lt;i&gt;&amp;<i>x</i>1&lt;0</b>`,
  );
});

test("a summary is taken apart and put together again", () => {
  const type = "WITHDRAWAL_REQUESTED";
  const summary =
    'WITHDRAWAL_REQUESTED amountUsdCents=123456789 verifiedWith=[] deviceId="my old, [phone]" address=bc1x';
  assert.deepEqual(
    readSummary({ summary, type }).fields.map(({ value }) => value),
    ["123456789", "[]", '"my old, [phone]"', "bc1x"],
  );
  assert.equal(writeSummary(readSummary({ summary, type })), summary);
  const shared = { summary: `bob of x ${summary}`, type };
  assert.equal(readSummary(shared).account, "bob of x");
  assert.equal(writeSummary(readSummary(shared)), shared.summary);
  assert.deepEqual(readSummary({ summary, type }).fields.map(fieldInWords).slice(0, 3), [
    { name: "amount", value: "1,234,567.89 USD" },
    { name: "verified with", value: "none" },
    { name: "device id", value: "my old, [phone]" },
  ]);
  assert.deepEqual(["API_KEY_CREATED", "SIM_SWAP_REPORTED", "LOGIN_FAILED"].map(inWords), [
    "API key created",
    "SIM swap reported",
    "Login failed",
  ]);
});

test("a summary that was cut off shows what is left of it", () => {
  const cut = { type: "LINKED", summary: 'LINKED deviceId=d9 linkedBy="deviceId=a very lo…' };
  assert.deepEqual(readSummary(cut).fields.map(fieldInWords), [
    { name: "device id", value: "d9" },
    { name: "linked by", value: "deviceId=a very lo…" },
  ]);
  const list = { type: "API_KEY_CREATED", summary: "API_KEY_CREATED rights=[TRADE,WITHD…" };
  assert.deepEqual(readSummary(list).fields.map(fieldInWords), [{ name: "rights", value: "TRADE, WITHD…" }]);
});

test("spans of time read as people say them", () => {
  assert.deepEqual([800, 12_000, 4 * MINUTE, 90 * MINUTE, DAY, 49 * HOUR, 0].map(span), [
    "0.8 s",
    "12 s",
    "4 min",
    "1 h 30 min",
    "1 d",
    "2 d 1 h",
    "0.0 s",
  ]);
});

test("marks that would touch stand above one another, and none leaves the picture", () => {
  const times = [0, 1, 2, 50, 100];
  const marks = times.map((time, index) => ({ at: time * 1_000, label: String(index), kind: "event", title: "" }));
  const drawn = String(markedLine(marks, scaleOf(marks.map((mark) => mark.at)), "five events"));
  const heads = [...drawn.matchAll(/cx="([\d.]+)%" cy="(\d+)"/gu)].map(([, x, y]) => [Number(x), Number(y)] as const);
  assert.equal(heads.length, 5);
  assert.equal(new Set(heads.slice(0, 3).map(([, y]) => y)).size, 3);
  assert.ok(heads.every(([x, y]) => x > 0 && x < 100 && y > 0));
});

test("a note that nobody has acted on is shown as such", () => {
  const records = { ...frozen, decisions: [{ value: { ...decision, note: null }, at: at(30) }] };
  assert.match(
    page(records, 31),
    /False positive<\/b>, decided by\s+m\.lee\s*<p class="soft small">\s*No command has followed yet/,
  );
});
