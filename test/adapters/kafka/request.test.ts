// Requests that go to the socket as they are, over a real one.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { kafkajs } from "../../../src/adapters/kafka/kafkajs.ts";
import type { Broker, Connection } from "../../../src/adapters/kafka/kafkajs.ts";
import { sendRequest } from "../../../src/adapters/kafka/request.ts";

type Opened = Connection & { new (options: object): Connection };

test("header and body arrive as one request, several under way are told apart, a throttle is kept", async (context) => {
  createKafkaClient({ brokers: [], clientId: "unused" }); // puts the patches in place
  const received: Buffer[] = [];
  let rest = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (
        ;
        rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0);
        rest = rest.subarray(4 + rest.readInt32BE(0))
      ) {
        const request = rest.subarray(4, 4 + rest.readInt32BE(0));
        received.push(request);
        const response = Buffer.alloc(12);
        response.writeInt32BE(8, 0);
        request.copy(response, 4, 4, 8); // correlation id
        response.writeInt32BE(request.length, 8);
        socket.write(response);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const connection = new (kafkajs.Connection as unknown as Opened)({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    logger: kafkajs.createLogger({ level: kafkajs.logLevel.NOTHING, logCreator: () => () => {} }),
    socketFactory: kafkajs.createSocketFactory(),
    connectionTimeout: 2_000,
    requestTimeout: 2_000,
    clientId: "ü",
  });
  context.after(async () => {
    await connection.disconnect();
    server.close();
  });
  await connection.connect();
  const broker = { connectionPool: { getConnectionByRequest: () => Promise.resolve(connection) } } as unknown as Broker;
  const ask = (body: readonly Buffer[], throttleMs = 0): Promise<{ bytes: number }> =>
    sendRequest(broker, {
      apiKey: 5,
      apiVersion: 3,
      apiName: "Test",
      body,
      decode: (payload) => ({ bytes: payload.readInt32BE(0), throttleMs }),
      timeoutMs: 1_000,
    });
  const large = Buffer.alloc(300_000, 7);
  const answers = await Promise.all([ask([Buffer.from("ab"), large]), ask([]), ask([Buffer.from("c")])]);
  const header = 2 + 2 + 4 + 2 + 2;
  assert.deepEqual(
    answers.map(({ bytes }) => bytes),
    [header + 2 + large.length, header, header + 1],
  );
  assert.deepEqual(
    [received[0]!.readInt16BE(0), received[0]!.readInt16BE(2), String(received[0]!.subarray(10, 12))],
    [5, 3, "ü"],
  );
  assert.deepEqual(received[0]!.subarray(header), Buffer.concat([Buffer.from("ab"), large]));
  const from = Date.now();
  await ask([], 60_000);
  assert.ok(connection.requestQueue.throttledUntil >= from + 60_000);
  await connection.disconnect();
  await assert.rejects(ask([]), { name: "KafkaJSConnectionError" });
});
