// kafkajs's connections as patched (connection-patch.ts, request-queue-patch.ts), against a server that
// misbehaves.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { patchConnection } from "../../../src/adapters/kafka/connection-patch.ts";
import { kafkajs } from "../../../src/adapters/kafka/kafkajs.ts";
import type { Connection } from "../../../src/adapters/kafka/kafkajs.ts";
import { patchRequestQueue } from "../../../src/adapters/kafka/request-queue-patch.ts";

patchConnection();
patchRequestQueue();

type Sending = Connection & { send(call: object): Promise<string> };
const ConnectionClass = createRequire(import.meta.url)("kafkajs/src/network/connection") as new (
  options: object,
) => Sending;

/** A server and a connection to it, not opened yet; `serve` gets each accepted socket and its number. */
async function opposite(
  context: TestContext,
  serve: (socket: Socket, nth: number) => void,
): Promise<{ connection: Sending; accepted: () => number }> {
  let accepted = 0;
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    serve(socket, (accepted += 1));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connection = new ConnectionClass({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    logger: kafkajs.createLogger({ level: 0, logCreator: () => () => {} }),
    socketFactory: kafkajs.createSocketFactory(),
    connectionTimeout: 2_000,
    requestTimeout: 2_000,
    clientId: "test",
  });
  context.after(async () => {
    await connection.disconnect();
    server.close();
  });
  return { connection, accepted: () => accepted };
}

const ask = {
  request: { apiKey: 18, apiVersion: 0, apiName: "ApiVersions", encode: async () => new kafkajs.Encoder() },
  response: {
    decode: async (payload: Buffer) => ({ text: String(payload) }),
    parse: async ({ text }: { text: string }) => text,
  },
};

/** Answers every request with `text`. The requests of these tests arrive whole. */
function answer(socket: Socket, text: string): void {
  socket.on("data", (requests: Buffer) => {
    for (let at = 0; at < requests.length; at += 4 + requests.readInt32BE(at)) {
      const response = Buffer.alloc(8 + text.length);
      response.writeInt32BE(4 + text.length, 0);
      requests.copy(response, 4, at + 8, at + 12); // correlation id
      response.write(text, 8);
      socket.write(response);
    }
  });
}

test("half a response does not spoil the next connection's (S2, S3)", async (context) => {
  const { connection } = await opposite(context, (socket, nth) => {
    if (nth > 1) return answer(socket, "whole");
    socket.on("data", () => {
      socket.write(Buffer.from([0, 0, 0, 100, 0, 0, 0, 0, 1, 2, 3]));
      setImmediate(() => socket.resetAndDestroy());
    });
  });
  await connection.connect();
  await assert.rejects(connection.send(ask), { name: "KafkaJSConnectionError" });
  assert.equal(connection.isConnected(), false);
  await connection.connect();
  assert.equal(await connection.send(ask), "whole");
});

test("all who wait for a connection get the same one (S2)", async (context) => {
  const { connection, accepted } = await opposite(context, (socket) => answer(socket, "hello"));
  await Promise.all([connection.connect(), connection.connect(), connection.connect()]);
  assert.deepEqual(await Promise.all([connection.send(ask), connection.send(ask)]), ["hello", "hello"]);
  assert.equal(accepted(), 1);
});

test("the end of an older socket leaves the present one alone (S1)", async (context) => {
  const { connection } = await opposite(context, (socket) => answer(socket, "hello"));
  await connection.connect();
  const older = connection.socket as unknown as Socket;
  await connection.disconnect();
  await connection.connect();
  older.emit("end");
  older.emit("close");
  assert.equal(connection.isConnected(), true);
  assert.equal(await connection.send(ask), "hello");
});

test("a disconnect fails what is in flight at once, and leaves nothing connected (S3)", async (context) => {
  const { connection } = await opposite(context, () => {});
  await connection.connect();
  const unanswered = connection.send(ask);
  const failed = assert.rejects(unanswered, { name: "KafkaJSConnectionError" });
  await new Promise(setImmediate);
  await connection.disconnect();
  await failed;
  assert.equal(connection.isConnected(), false);
});

test("a refused connection says so, and a later one succeeds", async (context) => {
  const { connection } = await opposite(context, (socket) => answer(socket, "hello"));
  const { port } = connection;
  Object.assign(connection, { port: 1 });
  await assert.rejects(connection.connect(), { name: "KafkaJSConnectionError" });
  Object.assign(connection, { port });
  await connection.connect();
  assert.equal(await connection.send(ask), "hello");
});

test("an idle connection arms no timer; a throttled one sends when the throttle ends", async (context) => {
  const { connection } = await opposite(context, (socket) => answer(socket, "hello"));
  await connection.connect();
  await connection.send(ask);
  assert.equal(connection.requestQueue.throttleCheckTimeoutId, null);
  connection.requestQueue.throttledUntil = Date.now() + 30;
  const waiting = connection.send(ask);
  assert.equal(await waiting, "hello");
  assert.ok(Date.now() >= connection.requestQueue.throttledUntil);
  assert.equal(connection.requestQueue.throttleCheckTimeoutId, null);
});

test("a socket that cannot be made is one error, and no timer is left to fail on it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const connection = new ConnectionClass({
    host: "127.0.0.1",
    port: 1,
    ssl: { cert: "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n" },
    logger: kafkajs.createLogger({ level: 0, logCreator: () => () => {} }),
    socketFactory: kafkajs.createSocketFactory(),
    connectionTimeout: 2_000,
    requestTimeout: 2_000,
    clientId: "test",
  });
  await assert.rejects(async () => connection.connect(), /asn1|PEM/iu);
  context.mock.timers.tick(2_000);
  assert.equal(connection.isConnected(), false);
});
