// What a broker is told when the client logs in: a server that speaks just enough of the protocol, and hangs
// up after the log-in. (That real brokers accept it, and log-ins that run out, was tried by hand.)

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import type { KafkaConnection } from "../../../src/adapters/kafka/client.ts";
import { createKafkaLogs } from "../../../src/adapters/kafka/logs.ts";
import { WireWriter } from "../../../src/adapters/kafka/wire.ts";
import { kafkaConnection } from "../../../src/config/kafka-connection.ts";
import { BrokerFailure } from "../../../src/runtime/ports.ts";

const [METADATA, HANDSHAKE, API_VERSIONS, AUTHENTICATE] = [3, 17, 18, 36];
const SASL_AUTHENTICATION_FAILED = 58;

interface LoginServer {
  readonly port: number;
  /** What each log-in said. */
  readonly logins: string[];
  readonly close: () => void;
}

async function loginServer(refuse: boolean): Promise<LoginServer> {
  const logins: string[] = [];
  const sockets = new Set<Socket>();
  const answer = (request: Buffer, socket: Socket): void => {
    const apiKey = request.readInt16BE(4);
    const response = new WireWriter(100);
    response.int32(0).int32(request.readInt32BE(8));
    const body = request.subarray(14 + request.readInt16BE(12));
    if (apiKey === API_VERSIONS) {
      const keys = [METADATA, HANDSHAKE, API_VERSIONS, AUTHENTICATE];
      response.int16(0).int32(keys.length);
      for (const key of keys)
        response
          .int16(key)
          .int16(0)
          .int16(key === METADATA ? 5 : 1);
      response.int32(0);
    } else if (apiKey === HANDSHAKE) {
      response.int16(0).int32(2).string("OAUTHBEARER").string("PLAIN");
    } else if (apiKey === AUTHENTICATE) {
      logins.push(body.subarray(4).toString("latin1"));
      response.int16(refuse ? SASL_AUTHENTICATION_FAILED : 0);
      if (refuse) response.string("no");
      else response.int16(-1);
      response.int32(0).int64(0);
    } else {
      socket.destroy();
      return;
    }
    response.patchInt32(0, response.position - 4);
    socket.write(response.take());
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (let at = 0; at < data.length; at += 4 + data.readInt32BE(at)) {
        answer(data.subarray(at, at + 4 + data.readInt32BE(at)), socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, logins, close };
}

/** Tries to ask something. @returns why it failed */
async function failureOf(connection: KafkaConnection): Promise<BrokerFailure> {
  const logs = createKafkaLogs(createKafkaClient(connection));
  try {
    await logs.partitionCounts(["t"]);
  } catch (error) {
    assert.ok(error instanceof BrokerFailure, String(error));
    return error;
  } finally {
    logs.close();
  }
  return assert.fail("it was answered");
}

const settings = {
  kafkaClientId: "c",
  kafkaSsl: false,
  kafkaSslCaFile: undefined,
  kafkaSslCertFile: undefined,
  kafkaSslKeyFile: undefined,
  kafkaSaslUsername: undefined,
  kafkaSaslPasswordFile: undefined,
  kafkaSaslTokenPath: undefined,
  kafkaSaslTokenUrl: undefined,
  kafkaSaslTokenScope: undefined,
  insecure: false,
} as const;

test("a bearer token goes to the broker as RFC 7628 says", async (context) => {
  const server = await loginServer(false);
  context.after(server.close);
  const tokens = { mechanism: "oauthbearer", oauthBearerProvider: () => Promise.resolve({ value: "tok.en" }) } as const;
  const brokers = [`127.0.0.1:${server.port}`];
  const failure = await failureOf({ brokers, clientId: "c", sasl: tokens });
  assert.equal(failure.disposition, "retry", "it hung up after the log-in");
  assert.equal(server.logins[0], "n,,\u0001auth=Bearer tok.en\u0001\u0001");
});

test("a log-in that is refused ends the process, and says so", async (context) => {
  const server = await loginServer(true);
  context.after(server.close);
  const brokers = [`127.0.0.1:${server.port}`];
  const sasl = { mechanism: "plain", username: "u", password: "p" } as const;
  const failure = await failureOf({ brokers, clientId: "c", sasl });
  assert.deepEqual([failure.disposition, failure.code], ["halt", "SASL_AUTHENTICATION_FAILED"]);
  assert.equal(server.logins[0], "\u0000u\u0000p");
});

test("a token that is not there yet is waited for", async (context) => {
  const server = await loginServer(false);
  context.after(server.close);
  const brokers = [`127.0.0.1:${server.port}`];
  const path = new URL("no-such-token", import.meta.url).pathname;
  const kafkaSaslMechanism = "oauthbearer";
  const failure = await failureOf(
    kafkaConnection({ ...settings, kafkaBrokers: brokers, kafkaSaslMechanism, kafkaSaslTokenPath: path }),
  );
  assert.deepEqual([failure.disposition, failure.code, server.logins], ["retry", "NO_TOKEN", []]);
});
