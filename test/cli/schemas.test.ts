// `holdfast schemas` against a registry server: everything wrong in one run, and exit codes to script with.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import { schemas } from "../../src/cli/schemas.ts";
import type { SchemasOptions } from "../../src/cli/schemas.ts";
import type { Io } from "../../src/cli/io.ts";
import { startConfluentServer } from "../adapters/confluent-server.ts";
import type { ConfluentServer } from "../adapters/confluent-server.ts";

let server: ConfluentServer;
let prefix = 0;

before(async () => {
  server = await startConfluentServer();
});
beforeEach(() => void prefix++);
after(() => server.close());

/** Runs the command on subjects of its own for each test. */
async function run(
  action: "register" | "check",
  url: string = server.url,
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io: Io = {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    stdin: (async function* () {})(),
    isTTY: false,
    columns: 80,
    env: {},
    signal: new AbortController().signal,
    self: [],
    nodeVersion: "",
  };
  const options: SchemasOptions = {
    action,
    registryUrl: url,
    registryUsername: undefined,
    registryPasswordFile: undefined,
    registryTokenPath: undefined,
    registrySslCaFile: undefined,
    topicPrefix: `t${prefix}.`,
    topicAuth: "auth",
    topicApiKey: "keys",
    topicWithdrawal: "withdrawals",
    topicTrade: "trades",
    topicDecisions: "decisions",
    topicAcks: "acks",
    topicSignals: "signals",
    topicCommands: "commands",
    topicDetections: "detections",
    topicState: "state",
    topicDeadLetter: "dead",
  };
  return { code: await schemas(options, io), out, err };
}

test("check says of every subject that nothing is registered; register registers; check is content", async () => {
  const bare = await run("check");
  assert.equal(bare.code, 1);
  assert.equal(bare.err.match(/nothing is registered; run `holdfast schemas register`/g)?.length, 9);
  const registered = await run("register");
  assert.deepEqual([registered.code, registered.err], [0, ""]);
  assert.match(registered.out, /^ok {5}t1\.auth-value: id \d+$/m);
  assert.equal(server.compatibility.get("t1.commands-value"), "FULL_TRANSITIVE");
  const content = await run("check");
  assert.deepEqual([content.code, content.err], [0, ""]);
  assert.equal(content.out.split("\n").length, 10);
});

test("check names each breakage with a newer schema, and accepts a compatible one", async () => {
  await run("register");
  const { events } = await loadSchemas(SCHEMAS_DIRECTORY);
  const wider = JSON.parse(events.api_key.text);
  wider.fields.push({ name: "extra", type: ["null", "string"], default: null });
  server.add(`t${prefix}.keys-value`, JSON.stringify(wider));
  const other = JSON.parse(events.auth.text);
  other.fields = other.fields.filter((field: { name: string }) => field.name !== "eventId");
  server.add(`t${prefix}.auth-value`, JSON.stringify(other));
  const { code, out, err } = await run("check");
  assert.equal(code, 1);
  assert.match(
    err,
    /wrong {2}t\d+\.auth-value: against the latest, id \d+: .*eventId is not written and has no default/,
  );
  assert.match(out, /t\d+\.keys-value: id \d+; the latest, id \d+, is compatible/);
});

test("register goes on after a refusal and ends with exit code 1", async () => {
  server.compatibility.set(`t${prefix}.keys-value`, "BACKWARD");
  const { code, out, err } = await run("register");
  assert.equal(code, 1);
  assert.match(err, /wrong {2}t\d+\.keys-value: .*FULL_TRANSITIVE != BACKWARD/);
  assert.equal(out.match(/^ok/gm)?.length, 8);
});

test("a registry that is not there is said once, with what to look at", async () => {
  const { code, err } = await run("check", "http://127.0.0.1:9");
  assert.equal(code, 1);
  assert.match(err, /ECONNREFUSED[^]*--registry-url/);
  assert.equal(err.match(/ECONNREFUSED/g)?.length, 1);
});
