import assert from "node:assert/strict";
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { openOperationsServer } from "../../src/adapters/http.ts";
import type { Operations, OperationsServer } from "../../src/adapters/http.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

const answers = { live: null as string | null, ready: "3 of 12 tasks are being restored" as string | null };
const operations: Operations = {
  live: () => answers.live,
  ready: () => answers.ready,
  started: () => null,
  status: () => ({ state: "assigned", tasks: [{ task: 0, lag: 5 }] }),
  metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", text: "holdfast_accounts 3\n" }),
};

let server: OperationsServer;
before(async () => {
  server = await openOperationsServer(LOOPBACK, operations);
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(path: string, options: { method?: string; body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", body = "" } = options;
    const headers = body === "" ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(new URL(path, server.url), { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    sent.on("error", reject).end(body);
  });
}

test("each route answers", async () => {
  const metrics = await ask("/metrics");
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4");
  assert.equal(metrics.text, "holdfast_accounts 3\n");
  assert.deepEqual(JSON.parse((await ask("/status?pretty")).text), operations.status());
  assert.equal((await ask("/startupz")).text, "ok\n");
  assert.equal((await ask("/livez")).status, 200);
});

test("a probe that fails says why", async () => {
  const ready = await ask("/readyz");
  assert.equal(ready.status, 503);
  assert.equal(ready.text, "3 of 12 tasks are being restored\n");
});

const REFUSED: readonly [string, { method?: string; body?: string }, number, RegExp][] = [
  ["/", {}, 404, /no such path; there are \/metrics, \/livez/],
  ["/metrics/", {}, 404, /no such path/],
  ["/constructor", {}, 404, /no such path/],
  ["/status", { method: "POST" }, 405, /read-only/],
  ["/status", { method: "DELETE" }, 405, /read-only/],
  ["/status", { method: "GET", body: "{}" }, 413, /has no body/],
];
for (const [path, options, status, message] of REFUSED) {
  const { method = "GET", body } = options;
  test(`${method} ${path}${body === undefined ? "" : " with a body"} gets ${status}`, async () => {
    const answer = await ask(path, options);
    assert.equal(answer.status, status);
    assert.match(answer.text, message);
    assert.equal(answer.headers["allow"], status === 405 ? "GET, HEAD" : undefined);
  });
}

test("HEAD answers without a body", async () => {
  const answer = await ask("/status", { method: "HEAD" });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, "");
  assert.ok(Number(answer.headers["content-length"]) > 0);
});

test("a callback that throws is a 500 with its message, and the server lives on", async () => {
  const failing = { ...operations, status: () => assert.fail("no group yet") };
  const own = await openOperationsServer(LOOPBACK, failing);
  const answer = await fetch(`${own.url}/status`);
  assert.equal(answer.status, 500);
  assert.equal(await answer.text(), "cannot answer: no group yet\n");
  assert.equal((await fetch(`${own.url}/livez`)).status, 200);
  await own.close();
});

test("what is not HTTP gets a 400", async () => {
  const { hostname, port } = new URL(server.url);
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    const socket = connect(Number(port), hostname, () => socket.write("hello\r\n\r\n"));
    socket.setEncoding("utf8").on("data", (part: string) => (received += part));
    socket.on("error", reject).on("close", () => resolve(received));
  });
  assert.match(text, /^HTTP\/1\.1 400 /);
});

const UNUSABLE: readonly [string, () => { host: string; port: number }, RegExp][] = [
  [
    "a taken port",
    () => ({ host: "127.0.0.1", port: Number(new URL(server.url).port) }),
    /is taken by another process; choose another with HOLDFAST_HTTP_PORT/,
  ],
  [
    "a foreign address",
    () => ({ host: "192.0.2.1", port: 0 }),
    /is not an address of this machine; correct HOLDFAST_HTTP_HOST/,
  ],
];
for (const [what, address, message] of UNUSABLE) {
  test(`${what} is one clear message`, () => assert.rejects(openOperationsServer(address(), operations), { message }));
}

test("closing does not wait for a client that says nothing", { timeout: 5_000 }, async (t) => {
  const own = await openOperationsServer(LOOPBACK, operations);
  const { hostname, port } = new URL(own.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  const ended = new Promise((resolve) => socket.on("close", resolve).on("error", resolve));
  await new Promise((resolve) => socket.on("connect", resolve));
  socket.write("GET /livez HTTP/1.1\r\n");
  await own.close();
  await ended;
});
