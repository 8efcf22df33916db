import { strict as assert } from "node:assert";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import { FACTORS, MARK_KINDS, packMark } from "../../src/core/factor.ts";
import { newProfile } from "../../src/core/profile.ts";
import { FREEZE } from "../../src/core/rule-set.ts";
import {
  ADDRESS,
  COUNTRY,
  DEVICE,
  firstSeenAt,
  indexOfSeen,
  NETWORK,
  packSeenStamp,
  SEEN_KINDS,
  SINCE_EVER,
} from "../../src/core/seen.ts";
import { DAY, MINUTE } from "../../src/core/time.ts";
import { LIMITS } from "../../src/core/validation.ts";
import { codec, event, openWorld, SCHEMAS, sequence, START } from "./world.ts";

/** The encoded state of an account that has something of everything. */
function fullState(): Uint8Array {
  const world = openWorld({ rules: sequence("AB", { respond: [{ ...FREEZE, targets: ["keyId"] }] }) });
  world.apply(
    "auth",
    event("s", 0, "ACCOUNT_SNAPSHOT", {
      createdAt: 5,
      enrolledFactors: ["TOTP", "SMS"],
      knownDevices: ["d1"],
      knownCountries: ["DE"],
      knownAsns: [2 ** 32 - 1],
      knownAddresses: ["bc1"],
    }),
    event("r", MINUTE, "FACTOR_REMOVED", { factor: "TOTP", deviceId: "d2" }),
    event("a", MINUTE, "A", { keyId: "k1" }),
    event("b", 2 * MINUTE, "B"),
    event("n", 2 * MINUTE, "RISK_NOTICE_SENT"),
    event("w", 3 * MINUTE, "WITHDRAWAL_REQUESTED", { amountUsdCents: 2 ** 53 - 1 }),
    event("p", 3 * MINUTE, "WITHDRAWAL_COMPLETED", { amountUsdCents: 7 }),
  );
  return world.partition.takeChanged()[0]!.state!;
}

test("state is read as it was written, and written the same again", () => {
  const bytes = fullState();
  const state = codec.decodeGroup(bytes);
  assert.deepEqual(Buffer.from(codec.encodeGroup(state)), Buffer.from(bytes));
  const { seen } = state.profile!;
  assert.equal(firstSeenAt(seen, indexOfSeen(seen, DEVICE, "d1")), SINCE_EVER);
  assert.notEqual(indexOfSeen(seen, NETWORK, 2 ** 32 - 1), -1);
  assert.deepEqual(state.profile!.requests, ["w", START + 3 * MINUTE, 2 ** 53 - 1]);
  assert.deepEqual(state.profile!.paid, [Math.floor(START / (30 * DAY)), 7]);
  assert.deepEqual(state.cases[0]!.said[0]!.targets.keyIds, ["k1"]);
});

const instant = fc.integer({ min: 0, max: 2 ** 52 });
const cents = fc.integer({ min: 0, max: LIMITS.cents });
const network = fc.integer({ min: 0, max: LIMITS.asn });
const chosen = (values: readonly string[]): fc.Arbitrary<number> => fc.integer({ min: 0, max: values.length - 1 });
const flat = (tuples: readonly (readonly (string | number)[])[]): (string | number)[] => tuples.flat();

/** Any profile, as memory holds it. */
const anyProfile = fc.record({
  seen: fc
    .array(
      fc.tuple(
        fc.oneof(fc.string({ unit: "grapheme" }), network),
        instant,
        fc
          .tuple(fc.integer({ min: 0, max: 2 ** 28 }), chosen(SEEN_KINDS))
          .map(([hour, kind]) => packSeenStamp(hour, kind)),
      ),
    )
    .map(flat),
  factors: fc.array(
    fc
      .tuple(chosen(FACTORS), chosen(MARK_KINDS), fc.integer({ min: 0, max: 2 ** 46 }))
      .map(([factor, kind, at]) => packMark(factor, kind, at)),
  ),
  given: fc.nat(31),
  firstEventSecond: fc.nat(),
  createdSecond: fc.option(fc.nat()),
  factorChanges: fc.array(instant),
  credentialChanges: fc.array(instant),
  contactChanges: fc.array(instant),
  riskNotices: fc.array(instant),
  apiKeys: fc.array(instant),
  requests: fc.array(fc.tuple(fc.string(), instant, cents)).map(flat),
  paid: fc.array(fc.tuple(fc.nat(), cents)).map((tuples) => tuples.flat()),
});

test("any profile is written as its schema says: avsc reads back what was written", () => {
  fc.assert(
    fc.property(anyProfile, fc.nat(), (drawn, linkedSecond) => {
      const profile = { ...newProfile(0), ...drawn };
      const state = { profile, memories: [], cases: [], linkedSecond };
      const bytes = codec.encodeGroup(state);
      assert.deepEqual(JSON.parse(JSON.stringify(codec.decodeGroup(bytes))), JSON.parse(JSON.stringify(state)));
    }),
  );
});

test("a state of which nothing waits for time rests as it is; any other, and one of an older version, does not", () => {
  const full = codec.decodeGroup(fullState());
  const restOf = (of: Partial<typeof full>): string | null =>
    codec.rest(codec.encodeGroup({ ...full, memories: [], cases: [], ...of }));
  for (const more of [{}, { profile: null }, { linkedSecond: 7 }]) {
    const bytes = codec.encodeGroup({ ...full, memories: [], cases: [], ...more });
    assert.deepEqual(Buffer.from(codec.bytesAtRest(codec.rest(bytes)!)), Buffer.from(bytes));
  }
  assert.notEqual(full.memories.length * full.cases.length, 0);
  assert.deepEqual([restOf({ memories: full.memories }), restOf({ cases: full.cases })], [null, null]);
  const bytes = codec.encodeGroup({ ...full, memories: [], cases: [] });
  assert.equal(codec.rest(Uint8Array.from([bytes[0]! - 1, ...bytes.subarray(1)])), null);
  for (const wrong of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)])]) {
    assert.throws(() => codec.rest(wrong), /ends too early|left over/);
  }
});

test("a state stays as it was written, whatever is written after it", () => {
  const bytes = fullState();
  const before = Buffer.from(bytes);
  const state = codec.decodeGroup(bytes);
  const large = { ...state, profile: { ...state.profile!, seen: ["x".repeat(300_000), 0, 0] } };
  const written = [state, large, state].map((each) => codec.encodeGroup(each));
  assert.deepEqual(Buffer.from(bytes), before);
  assert.deepEqual(Buffer.from(written[0]!), before);
  assert.deepEqual(Buffer.from(written[2]!), before);
  assert.deepEqual(codec.decodeGroup(written[1]!).profile!.seen, large.profile.seen);
});

test("bytes in the middle of a larger buffer are read alike", () => {
  const bytes = fullState();
  const within = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]).subarray(6, 6 + bytes.length);
  assert.deepEqual(codec.decodeGroup(within), codec.decodeGroup(bytes));
});

test("the partition's own record keeps its frontiers, who was active, its breakers and the words about them", () => {
  const tenths = [10, 2, 11, 1];
  const state = {
    frontiers: { auth: 5, api_key: 7 },
    frontier: 5,
    activity: { newest: 7, slots: [Buffer.from([1, 2]), Buffer.alloc(0)] },
    breakers: [{ rule: "r", kind: "linked", phase: "open", openedBy: "a/r/e", wantedAt: 5, tenths } as const],
    breakerWords: [{ id: "a/r/e/breaker-linked", at: 7, waits: true }],
  };
  const read = codec.decodePartition(
    codec.encodePartition({ ...state, breakers: [{ ...state.breakers[0]!, tenths }] }),
  );
  assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(state)));
});

test("a profile restored has the same shape as one made", () => {
  assert.deepEqual(Object.keys(codec.decodeGroup(fullState()).profile!), Object.keys(newProfile(0)));
});

test("state of an older version is read through its released schema; of an unknown one it is refused", (context: TestContext) => {
  const schemas = mkdtempSync(join(tmpdir(), "holdfast-schemas-"));
  context.after(() => rmSync(schemas, { recursive: true }));
  const released = join(schemas, "released", "0.1.0", "state");
  mkdirSync(released, { recursive: true });
  for (const name of ["group", "partition"])
    cpSync(join(SCHEMAS, "state", `${name}.avsc`), join(released, `${name}.avsc`));
  cpSync(join(SCHEMAS, "state"), join(schemas, "state"), { recursive: true });
  const path = join(schemas, "state", "group.avsc");
  const next = JSON.parse(readFileSync(path, "utf8")) as { version: number; fields: unknown[] };
  const written = next.version++;
  next.fields.push({ name: "links", type: { type: "array", items: "string" }, doc: "New.", default: [] });
  writeFileSync(path, JSON.stringify(next));

  const newer = createStateCodec(schemas);
  const old = codec.decodeGroup(fullState());
  const read = newer.decodeGroup(fullState());
  assert.deepEqual(JSON.parse(JSON.stringify(read)), { ...JSON.parse(JSON.stringify(old)), links: [] });
  const bytes = newer.encodeGroup(read);
  assert.deepEqual(newer.decodeGroup(bytes), read);
  assert.throws(
    () => codec.decodeGroup(bytes),
    new RegExp(`group state of version ${written + 1} cannot be read; known are ${written}, 1`),
  );
});

test("state of version 1, as it was written, is read whole; what is newer is empty", () => {
  const path = new URL("state-of-version-1.json", import.meta.url);
  const { group, partition } = JSON.parse(readFileSync(path, "utf8")) as { group: string; partition: string };
  const state = codec.decodeGroup(Buffer.from(group, "hex"));
  const profile = state.profile!;
  const first = (kind: number, value: string): number =>
    firstSeenAt(profile.seen, indexOfSeen(profile.seen, kind, value));
  assert.deepEqual([first(DEVICE, "d1"), first(ADDRESS, "bc1")], [SINCE_EVER, SINCE_EVER]);
  assert.deepEqual([first(DEVICE, "d2"), first(COUNTRY, "HK")], [START + MINUTE, START + MINUTE]);
  assert.deepEqual([profile.given, profile.factors.length, profile.apiKeys], [31, 3, []]);
  assert.deepEqual([profile.factorChanges, profile.riskNotices], [[START + MINUTE], [START + 2 * MINUTE]]);
  assert.deepEqual([profile.requests, profile.paid], [[], []]);
  const entries = state.memories[0]!.entries.map(({ eventId, steps, keyId }) => [eventId, steps, keyId]);
  assert.deepEqual(entries, [
    ["a", 1, "k1"],
    ["b", 2, null],
  ]);
  assert.deepEqual(state.cases[0]!.said[0]!.targets.keyIds, ["k1"]);
  assert.deepEqual(codec.decodeGroup(codec.encodeGroup(state)), state);
  const { frontier } = codec.decodePartition(Buffer.from(partition, "hex"));
  assert.equal(frontier, START + 2 * MINUTE);
});

test("a schema without a version is refused", (context: TestContext) => {
  const schemas = mkdtempSync(join(tmpdir(), "holdfast-schemas-"));
  context.after(() => rmSync(schemas, { recursive: true }));
  mkdirSync(join(schemas, "state"));
  for (const name of ["group", "partition"]) {
    writeFileSync(join(schemas, "state", `${name}.avsc`), '{"type":"record","name":"G","fields":[]}');
  }
  assert.throws(() => createStateCodec(schemas), /group\.avsc: "version" is undefined, not an integer/);
});
