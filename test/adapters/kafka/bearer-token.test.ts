// Bearer tokens for the brokers, from a file and from a real token endpoint.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { bearerTokens } from "../../../src/adapters/kafka/bearer-token.ts";
import { brokerFailure } from "../../../src/adapters/kafka/failures.ts";
import { BrokerFailure } from "../../../src/runtime/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "token-"));
const asked: { authorization: string | undefined; body: string }[] = [];
let answer: { status: number; body: string };

const server = createServer((request, response) => {
  void textOf(request).then((body) => {
    asked.push({ authorization: request.headers.authorization, body });
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(answer.body);
  });
});
let endpoint = "";

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
});
beforeEach(() => {
  asked.length = 0;
  answer = { status: 200, body: JSON.stringify({ access_token: "t1", expires_in: 3_600 }) };
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text;
}

const client = { clientId: "hold fast", clientSecret: "s:e", scope: "kafka" };

test("a file is read at each log-in", async () => {
  const path = join(folder, "token");
  const tokens = bearerTokens({ path });
  await assert.rejects(tokens(), /cannot be read/u);
  for (const token of ["first", "second"]) {
    writeFileSync(path, `${token}\n`);
    assert.deepEqual(await tokens(), { value: token });
  }
  writeFileSync(path, "\n");
  await assert.rejects(tokens(), /holds no token/u);
});

test("an endpoint is asked once for all that log in while the token is good", async () => {
  const tokens = bearerTokens({ endpoint, ...client });
  assert.deepEqual(await Promise.all([tokens(), tokens()]), [{ value: "t1" }, { value: "t1" }]);
  assert.deepEqual(await tokens(), { value: "t1" });
  assert.equal(asked.length, 1);
  assert.equal(asked[0]!.authorization, `Basic ${Buffer.from("hold%20fast:s%3Ae").toString("base64")}`);
  assert.equal(asked[0]!.body, "grant_type=client_credentials&scope=kafka");
});

test("a token that is over is fetched anew", async () => {
  answer.body = JSON.stringify({ access_token: "t1", expires_in: 0 });
  const tokens = bearerTokens({ endpoint, ...client });
  await tokens();
  answer.body = JSON.stringify({ access_token: "t2" });
  assert.deepEqual(await tokens(), { value: "t2" });
  assert.deepEqual(await tokens(), { value: "t2" }, "without a word on its life it is kept for some time");
  assert.equal(asked.length, 2);
});

const REFUSALS: readonly (readonly [what: string, answer: typeof answer])[] = [
  ["a refusal", { status: 401, body: JSON.stringify({ error: "invalid_client" }) }],
  ["a page", { status: 200, body: "<html>" }],
  ["an answer without a token", { status: 200, body: "{}" }],
];
for (const [what, given] of REFUSALS) {
  test(`${what} is waited out: no token, to be asked for again, no secret in the message`, async () => {
    answer = given;
    const tokens = bearerTokens({ endpoint, ...client });
    const error = await tokens().then(
      () => assert.fail("a token"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof BrokerFailure, String(error));
    assert.deepEqual([error.disposition, error.code], ["retry", "NO_TOKEN"]);
    assert.doesNotMatch(error.message, /s:e/u);
    answer = { status: 200, body: JSON.stringify({ access_token: "t3" }) };
    assert.deepEqual(await tokens(), { value: "t3" });
  });
}

test("wrapped by the client it is still the same failure", async () => {
  const tokens = bearerTokens({ path: join(folder, "absent") });
  const error = await tokens().catch((reason: unknown) => reason);
  const failure = brokerFailure(new Error("retries exceeded", { cause: error }), "connect");
  assert.equal(failure, error);
});
