// The network between client and broker, when it is well and when it is not. The broker is a server that
// answers every request with its own bytes.

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openTcpProxy } from "./tcp-proxy.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

const LIMIT = { timeout: 10_000 };

let broker: Server;
let arrived: Buffer[];
let proxy: TcpProxy;
let client: Socket;

beforeEach(async () => {
  arrived = [];
  broker = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      arrived.push(bytes);
      socket.write(bytes);
    });
  });
  broker.listen(0, "127.0.0.1");
  await once(broker, "listening");
  proxy = await openTcpProxy();
  proxy.lead(`127.0.0.1:${(broker.address() as AddressInfo).port}`);
  client = await connected();
});

afterEach(() => {
  client.destroy();
  proxy.close();
  broker.close();
});

async function connected(): Promise<Socket> {
  const [host, port] = proxy.address.split(":") as [string, string];
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  return socket;
}

function request(apiKey: number, text: string): Buffer {
  const frame = Buffer.alloc(6 + text.length);
  frame.writeInt32BE(2 + text.length, 0);
  frame.writeInt16BE(apiKey, 4);
  frame.write(text, 6);
  return frame;
}

const received = (): string => Buffer.concat(arrived).toString("latin1");

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 5_000; !holds(); await sleep(5)) {
    assert.ok(performance.now() < deadline, `in vain: ${what}`);
  }
}

test("requests pass whole, however they are cut up, and their answers come back", LIMIT, async () => {
  const frames = Buffer.concat([request(3, "first"), request(3, "second")]);
  client.write(frames.subarray(0, 9));
  await until(() => client.bytesWritten === 9, "the first part is sent");
  assert.equal(received(), "");
  const answer = once(client, "data");
  client.write(frames.subarray(9));
  await until(() => received().endsWith("second"), "both arrive");
  assert.match(String((await answer)[0]), /first/u);
});

test("a cut ends connections and refuses others until it heals", LIMIT, async () => {
  const closed = once(client, "close");
  proxy.cut();
  await closed;
  const refused = await connected();
  await once(refused, "close");
  proxy.heal();
  client = await connected();
  client.write(request(3, "again"));
  await until(() => received().includes("again"), "it arrives");
});

test("requests that are held up arrive later, also when their sender has gone", LIMIT, async () => {
  client.write(request(3, "before"));
  await until(() => received().includes("before"), "the first arrives");
  proxy.stall("requests");
  client.write(request(3, "held"));
  client.end();
  await once(client, "close");
  assert.doesNotMatch(received(), /held/u);
  proxy.heal();
  await until(() => received().includes("held"), "the second arrives");
});

test("answers that are held up come later", LIMIT, async () => {
  proxy.stall("answers");
  client.write(request(3, "asked"));
  await until(() => received().includes("asked"), "it arrives");
  assert.equal(client.bytesRead, 0);
  const answer = once(client, "data");
  proxy.heal();
  assert.match(String((await answer)[0]), /asked/u);
});

test("a slow network keeps the order", LIMIT, async () => {
  proxy.slow(30);
  for (const text of ["a", "b", "c"]) client.write(request(3, text));
  await until(() => /a[^]*b[^]*c/u.test(received()), "all arrive in order");
});

for (const loss of ["drop", "answer"] as const) {
  test(
    `a watch strikes once, at its request only, and loses ${loss === "drop" ? "it" : "its answer"}`,
    LIMIT,
    async () => {
      let strikes = 0;
      proxy.watch(
        ({ apiKey, bytes }) => apiKey === 8 && bytes.includes("topic"),
        loss,
        () => void (strikes += 1),
      );
      client.write(request(3, "topic"));
      client.write(request(8, "other"));
      await until(() => received().includes("other"), "the others pass");
      const closed = once(client, "close");
      client.write(request(8, "topic!"));
      await closed;
      assert.equal(strikes, 1);
      assert.equal(received().includes("topic!"), loss === "answer");
      client = await connected();
      client.write(request(8, "topic?"));
      await until(() => received().includes("topic?"), "the next one passes");
      assert.equal(strikes, 1);
    },
  );
}

test(
  "a request that is swallowed is lost with all that follow on its connection, and nobody is told",
  LIMIT,
  async () => {
    let struck = false;
    proxy.watch(
      ({ apiKey }) => apiKey === 8,
      "swallow",
      () => void (struck = true),
    );
    client.write(request(3, "before"));
    client.write(request(8, "gone"));
    client.write(request(3, "after"));
    await until(() => struck, "it is struck");
    const other = await connected();
    other.write(request(3, "elsewhere"));
    await until(() => received().includes("elsewhere"), "other connections go on");
    other.destroy();
    assert.doesNotMatch(received(), /gone|after/u);
    assert.equal(client.destroyed, false);
  },
);
