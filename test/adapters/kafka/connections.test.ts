// What is left of connections that were still being made when their owner gave them up, and what they are worth
// while a partition has no leader (connections.ts). The broker is a server that says what it is told to say.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { Connections } from "../../../src/adapters/kafka/connections.ts";
import { WireWriter } from "../../../src/adapters/kafka/wire.ts";

const [METADATA, API_VERSIONS] = [3, 18];
const LEADER_NOT_AVAILABLE = 5;
const DEADLINE_MS = 30_000;

test("a connection that comes about after close() is hung up (N3)", async (context) => {
  const open = new Set<Socket>();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.on("data", (request) => {
      onAsked();
      void released.then(() => socket.write(answerTo(request, server.address() as AddressInfo)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const connections = new Connections(createKafkaClient({ brokers, clientId: "c", requestTimeoutMs: DEADLINE_MS }));
  const ready = assert.rejects(connections.ready([]), { code: "CLOSED" });
  await asked;
  connections.close();
  release();
  await ready;
  for (const end = performance.now() + DEADLINE_MS; open.size > 0; await delay(5)) {
    assert.ok(performance.now() < end, `${open.size} connections are still open`);
  }
});

test("a partition without a leader is a failure of its own only, for whoever knew the cluster and who comes anew", async (context) => {
  const leaders = new Map([
    ["auth-events", 1],
    ["trade-events", 1],
  ]);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (request) => socket.write(answerTo(request, server.address() as AddressInfo, leaders)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const connect = (): Connections => {
    const connections = new Connections(createKafkaClient({ brokers, clientId: "c" }));
    context.after(() => connections.close());
    return connections;
  };
  context.after(() => server.close());
  const known = connect();
  await known.ready([...leaders.keys()]);
  leaders.set("trade-events", -1);
  known.suspect(new Error("any call failed"));
  for (const connections of [known, connect()]) {
    await connections.ready([...leaders.keys()]);
    assert.equal((await connections.leader("auth-events", 0)).nodeId, 1);
    assert.equal((await connections.broker(1)).nodeId, 1);
    await assert.rejects(connections.leader("trade-events", 0), {
      code: "LEADER_NOT_AVAILABLE",
      disposition: "retry",
      message: "trade-events partition 0 has no leader",
    });
  }
  leaders.set("trade-events", 1);
  known.suspect(new Error("it had no leader"));
  assert.equal((await known.leader("trade-events", 0)).nodeId, 1);
});

/** API versions: those two. Metadata: this broker, and topics of one partition each with these leaders. */
function answerTo(request: Buffer, { port }: AddressInfo, leaders: ReadonlyMap<string, number> = new Map()): Buffer {
  const apiKey = request.readInt16BE(4);
  const answer = new WireWriter(100).int32(0).int32(request.readInt32BE(8));
  if (apiKey === API_VERSIONS) {
    answer.int16(0).int32(2).int16(METADATA).int16(0).int16(5).int16(API_VERSIONS).int16(0).int16(1).int32(0);
  } else {
    answer.int32(0).int32(1).int32(1).string("127.0.0.1").int32(port).int16(-1).string("c").int32(1);
    answer.int32(leaders.size);
    for (const [topic, leader] of leaders) {
      answer.int16(0).string(topic).int8(0).int32(1);
      answer
        .int16(leader < 0 ? LEADER_NOT_AVAILABLE : 0)
        .int32(0)
        .int32(leader);
      for (let list = 0; list < 3; list += 1) answer.int32(0); // replicas, in sync, offline
    }
  }
  return answer.patchInt32(0, answer.position - 4).take();
}
