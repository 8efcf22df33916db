// The registry in each of its moods, as whoever asks it meets them.

import { strict as assert } from "node:assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createRegistry, type Server } from "node:http";
import { afterEach, beforeEach, test } from "node:test";
import { text } from "node:stream/consumers";
import { openRegistryProxy } from "./registry-proxy.ts";
import type { RegistryProxy } from "./registry-proxy.ts";

const LIMIT = { timeout: 10_000 };
let registry: Server;
let proxy: RegistryProxy;

beforeEach(async () => {
  registry = createRegistry((request, response) => {
    void text(request).then((body) =>
      response
        .writeHead(request.url === "/api/none" ? 404 : 200, { "content-type": "application/json" })
        .end(JSON.stringify([request.method, request.url, body])),
    );
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  proxy = await openRegistryProxy(`http://127.0.0.1:${(registry.address() as AddressInfo).port}/api`);
});

afterEach(() => {
  proxy.close();
  registry.closeAllConnections();
  registry.close();
});

test("when it is well, questions, bodies and refusals pass as they are", LIMIT, async () => {
  const answer = await fetch(`${proxy.url}/subjects`, { method: "POST", body: "{}" });
  assert.deepEqual(await answer.json(), ["POST", "/api/subjects", "{}"]);
  assert.equal((await fetch(`${proxy.url}/none`)).status, 404);
  assert.equal(proxy.requests(), 2);
});

test("when it is down nobody gets an answer", LIMIT, async () => {
  proxy.mood = "down";
  await assert.rejects(fetch(`${proxy.url}/subjects`));
});

test("when it is silent the asker has to give up", LIMIT, async () => {
  proxy.mood = "silent";
  await assert.rejects(fetch(`${proxy.url}/subjects`, { signal: AbortSignal.timeout(200) }), /timeout/u);
});

test("when it is slow the answer comes all the same", LIMIT, async () => {
  proxy.mood = "slow";
  const from = performance.now();
  assert.equal((await fetch(`${proxy.url}/subjects`)).status, 200);
  assert.ok(performance.now() - from >= 2_900);
});

test("when it fails or is wrong the answer is no schema", LIMIT, async () => {
  proxy.mood = "failing";
  assert.equal((await fetch(`${proxy.url}/subjects`)).status, 500);
  proxy.mood = "wrong";
  const wrong = await fetch(`${proxy.url}/subjects`);
  assert.equal(wrong.status, 200);
  await assert.rejects(wrong.json());
});
