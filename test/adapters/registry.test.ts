// The registry client against a real HTTP server: what is an answer, what is a refusal, and what is
// nothing but silence (G1), whatever the package under it makes of them.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { SchemaRegistry as Client } from "@kafkajs/confluent-schema-registry";
import { findBreakages } from "../../src/adapters/compatibility.ts";
import { createRegistry } from "../../src/adapters/registry.ts";
import type { SchemaRegistry } from "../../src/adapters/registry.ts";
import { parseSchema } from "../../src/adapters/schema-files.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { Telemetry } from "../../src/runtime/telemetry.ts";
import { startConfluentServer } from "./confluent-server.ts";
import type { ConfluentServer } from "./confluent-server.ts";

const AUTH = readFileSync(new URL("../../schemas/events/auth-event.avsc", import.meta.url), "utf8");
const COMMAND = readFileSync(new URL("../../schemas/commands/command.avsc", import.meta.url), "utf8");
/** Where there is no answer to wait for; a busy machine may take longer over one. */
const IMPATIENT_MS = 300;

let server: ConfluentServer;
let registry: SchemaRegistry;
let results: string[] = [];
const telemetry: Telemetry = {
  emit: (name, fields) => void (name === "registry.requested" && results.push((fields as { result: string }).result)),
};

before(async () => {
  server = await startConfluentServer();
});
beforeEach(() => {
  server.fail(null);
  results = [];
  registry = createRegistry({ url: `${server.url}/`, telemetry });
});
after(() => server.close());

/** The failure of a call, as `disposition code`. */
async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    return `no failure but ${JSON.stringify(await call)}`;
  } catch (error) {
    assert.ok(error instanceof BrokerFailure, String(error));
    return `${error.disposition} ${error.code}`;
  }
}

describe("answers", () => {
  test("a schema by id comes back as Avro, with every field and logical type", async () => {
    const found = await registry.schema(server.add("a-value", AUTH));
    assert.equal(found.kind, "avro");
    const path = "events/auth-event.avsc";
    const fetched = parseSchema(path, JSON.stringify((found as { json: unknown }).json));
    assert.deepEqual(
      fetched.type.fields.map(({ name }) => name),
      parseSchema(path, AUTH).type.fields.map(({ name }) => name),
    );
    assert.deepEqual(findBreakages(fetched, parseSchema(path, AUTH)), []);
    assert.deepEqual(results, ["ok"]);
  });

  test("an id the registry denies is unknown, not a failure", async () => {
    assert.deepEqual(await registry.schema(404), { kind: "unknown" });
    assert.deepEqual(results, ["unknown_id"]);
  });

  test("a schema of another kind, or one that does not parse, is unusable", async () => {
    const protobuf = await registry.schema(server.add("p-value", 'syntax = "proto3"; message M {}', "PROTOBUF"));
    assert.equal(protobuf.kind, "unusable");
    const broken = await registry.schema(
      server.add("b-value", '{"type":"record","name":"R","fields":[{"name":"x","type":"nothing"}]}'),
    );
    assert.equal(broken.kind, "unusable");
  });

  test("a subject's latest id, its id of a schema, and null for what is not there", async () => {
    const first = server.add("s-value", AUTH);
    const second = server.add("s-value", COMMAND);
    assert.equal(await registry.latestId("s-value"), second);
    assert.equal(await registry.idOf("s-value", AUTH), first);
    assert.equal(await registry.latestId("none-value"), null);
    assert.equal(await registry.idOf("none-value", AUTH), null);
    assert.equal(await registry.idOf("s-value", AUTH.replace("AuthEvent", "OtherEvent")), null);
  });

  test("registering twice gives one id, and a new subject gets FULL_TRANSITIVE", async () => {
    const id = await registry.register("new-value", AUTH);
    assert.equal(await registry.register("new-value", AUTH), id);
    assert.equal(server.compatibility.get("new-value"), "FULL_TRANSITIVE");
  });

  test("nothing is kept: a second call asks again (G2)", async () => {
    const id = server.add("g-value", AUTH);
    await registry.schema(id);
    await registry.schema(id);
    assert.equal(server.requests.filter((request) => request === `GET /schemas/ids/${id}`).length >= 2, true);
  });
});

describe("who asks", () => {
  const basic = { username: "holdfast", password: "se:same" };
  const folder = mkdtempSync(join(tmpdir(), "token-"));
  const tokenPath = join(folder, "token");
  after(() => {
    server.authorization = null;
    rmSync(folder, { recursive: true });
  });
  const asked = (login: object): SchemaRegistry => createRegistry({ url: server.url, telemetry, ...login });

  test("says so by basic authentication", async () => {
    const id = server.add("a-value", AUTH);
    server.authorization = `Basic ${Buffer.from("holdfast:se:same").toString("base64")}`;
    assert.equal((await asked({ basic }).schema(id)).kind, "avro");
    assert.equal(await asked({ basic }).register("b-value", AUTH), id);
    assert.equal(await failureOf(asked({}).schema(id)), "halt REGISTRY_REFUSED");
    assert.equal(await failureOf(asked({ basic: { ...basic, password: "x" } }).schema(id)), "halt REGISTRY_REFUSED");
  });

  test("says so by a token, read at each question", async () => {
    const id = server.add("a-value", AUTH);
    const registry = asked({ tokenPath });
    assert.equal(await failureOf(registry.schema(id)), "retry NO_TOKEN", "the file is not there yet");
    for (const token of ["first", "second"]) {
      writeFileSync(tokenPath, `${token}\n`);
      server.authorization = `Bearer ${token}`;
      assert.equal((await registry.schema(id)).kind, "avro");
    }
    server.authorization = null;
  });
});

describe("refusals are final", () => {
  test("an incompatible schema", async () => {
    const call = registry.register("i-value", AUTH.replace("What happened.", "incompatible"));
    await assert.rejects(call, /Schema being registered is incompatible/);
    assert.equal(
      await failureOf(registry.register("i-value", AUTH.replace("What happened.", "incompatible"))),
      "halt REGISTRY_REFUSED",
    );
  });

  test("a subject with another compatibility", async () => {
    server.compatibility.set("c-value", "BACKWARD");
    await assert.rejects(registry.register("c-value", AUTH), /FULL_TRANSITIVE != BACKWARD/);
    assert.equal(await failureOf(registry.register("c-value", AUTH)), "halt REGISTRY_REFUSED");
  });

  for (const status of [401, 403]) {
    test(`status ${status}`, async () => {
      server.fail((response) => json(response, status, { error_code: status, message: "no" }));
      assert.equal(await failureOf(registry.schema(1)), "halt REGISTRY_REFUSED");
    });
  }
});

describe("silence and noise are no answer (G1)", () => {
  const noises: Record<string, (response: ServerResponse) => void> = {
    "status 500 in the registry's words": (response) =>
      json(response, 500, { error_code: 50001, message: "Store error" }),
    "status 503 with a page": (response) => page(response, 503),
    "status 404 with a page": (response) => page(response, 404),
    "status 400 with a page": (response) => page(response, 400),
    "status 200 with a page": (response) => page(response, 200),
    "status 500 with null for a body": (response) => json(response, 500, null),
    "status 500 without a body": (response) => void response.writeHead(500).end(),
    "status 404 in somebody else's JSON": (response) => json(response, 404, { message: "no route" }),
    "status 200 in somebody else's JSON": (response) => json(response, 200, { status: "UP" }),
    "status 200 with null for a body": (response) => json(response, 200, null),
    "status 408": (response) => json(response, 408, { message: "slow" }),
    "status 429": (response) => json(response, 429, { message: "slow down" }),
    "no answer": () => {},
    "an answer that never ends": (response) => void response.writeHead(200).write('{"schema":'),
    "a connection that is cut": (response) => void response.destroy(),
  };
  for (const [what, noise] of Object.entries(noises)) {
    test(what, async () => {
      server.fail(noise);
      const impatient = createRegistry({ url: server.url, timeoutMs: IMPATIENT_MS, telemetry });
      assert.equal(await failureOf(impatient.schema(1)), "retry REGISTRY_UNREACHABLE");
      assert.deepEqual(results, ["unreachable"]);
    });
  }

  test("a refused connection", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const nobody = createRegistry({ url: `http://127.0.0.1:${port}`, telemetry });
    for (const call of [nobody.schema(1), nobody.latestId("x"), nobody.idOf("x", AUTH), nobody.register("x", AUTH)]) {
      assert.equal(await failureOf(call), "retry REGISTRY_UNREACHABLE");
    }
  });

  test("one failing request is one request: the package's own retries are off, whatever another instance asked for (G2)", async () => {
    const eager = new Client({ host: server.url, retry: { retries: 3, initialRetryTimeInSecs: 0.01 } });
    assert.ok(eager);
    server.fail((response) => json(response, 500, { message: "no" }));
    registry = createRegistry({ url: server.url, telemetry });
    const asked = server.requests.length;
    await failureOf(registry.schema(7));
    assert.equal(server.requests.length - asked, 1);
  });
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/vnd.schemaregistry.v1+json" }).end(JSON.stringify(body));
}

function page(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/html" }).end("<html>gateway</html>");
}
