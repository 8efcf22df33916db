// `holdfast run` on a real broker that lets nobody in without a certificate or a password, under exactly the rights
// SECURITY.md lists: it freezes an account by either way in, and says by name what a missing right keeps it from.
// The broker is one of its own, with TLS and an authorizer; topics and rights are made over its open listener.

import assert from "node:assert/strict";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { env } from "node:process";
import { test } from "node:test";
import type { TestContext } from "node:test";
import kafkajs from "kafkajs";
import type { AclOperationTypes as Operation, AclResourceTypes as ResourceType } from "kafkajs";
import { Connections } from "../../../src/adapters/kafka/connections.ts";
import { sendRequest } from "../../../src/adapters/kafka/request.ts";
import { WireReader, WireWriter } from "../../../src/adapters/kafka/wire.ts";
import { NoLocalCluster, startLocalCluster } from "../../../src/adapters/local-cluster/local-cluster.ts";
import { cluster } from "../../cluster.ts";
import { openFloor, startHoldfast, temporaryDirectory, until } from "../../examples/floor.ts";
import type { Floor } from "../../examples/floor.ts";
import { openAuthority } from "./certificates.ts";

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const { skip } = cluster();
const root = join(import.meta.dirname, "../../..");
const PASSWORD = "correct horse";
const USER = "holdfast";
/** As the broker reads the client's certificate. */
const PRINCIPALS = [`User:${USER}`, `User:CN=${USER}`];

test(
  "under exactly the listed rights it freezes, by password and by certificate; a missing one is named",
  {
    skip,
    timeout: 180_000,
  },
  async (t) => {
    const directory = temporaryDirectory(t);
    const file = (name: string, content: string): string => {
      writeFileSync(join(directory, name), content, { mode: 0o600 });
      return join(directory, name);
    };
    const authority = openAuthority("test authority");
    const [server, own] = [authority.issue("broker"), authority.issue(USER)];
    const ca = file("ca.pem", authority.certificate);
    const [withPassword, withCertificate] = [await openForwarder(t), await openForwarder(t)];
    const local = await startLocalCluster({
      brokers: 1,
      directory: join(root, ".holdfast"),
      env,
      fronts: [[withPassword.address], [withCertificate.address]],
      settings: {
        "listener.security.protocol.map":
          "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,FRONT0:SASL_SSL,FRONT1:SSL",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS", // over the open listeners: the test itself, and the broker
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": file("broker.pem", server.key + server.certificate),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": ca,
        "listener.name.front1.ssl.client.auth": "required",
        "listener.name.front0.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.front0.scram-sha-512.sasl.jaas.config":
          "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      },
      onProgress: () => {},
    }).catch((error: unknown) => {
      if (!(error instanceof NoLocalCluster)) throw error;
      t.skip(error.message.split("\n")[0]);
    });
    if (local === undefined) return;
    t.after(() => local.stop());
    withPassword.lead(local.behind[0]![0]!);
    withCertificate.lead(local.behind[1]![0]!);

    const { prefix } = cluster();
    const floor = await openFloor(t, { skip: false, brokers: local.bootstrap, registryUrl: local.registryUrl, prefix });
    await addUser(floor);
    await grant(floor, rightsOf(floor));
    const tls = { HOLDFAST_KAFKA_SSL: "true", HOLDFAST_KAFKA_SSL_CA_FILE: ca };
    const byPassword = {
      ...tls,
      HOLDFAST_KAFKA_BROKERS: withPassword.address,
      HOLDFAST_KAFKA_SASL_MECHANISM: "scram-sha-512",
      HOLDFAST_KAFKA_SASL_USERNAME: USER,
      HOLDFAST_KAFKA_SASL_PASSWORD_FILE: file("password", PASSWORD),
    };
    const byCertificate = {
      ...tls,
      HOLDFAST_KAFKA_BROKERS: withCertificate.address,
      HOLDFAST_KAFKA_SSL_CERT_FILE: file("own.pem", own.certificate),
      HOLDFAST_KAFKA_SSL_KEY_FILE: file("own.key", own.key),
    };

    for (const [accountId, access] of Object.entries({ alice: byPassword, bob: byCertificate })) {
      const running = await startHoldfast(t, floor, { ...access, HOLDFAST_START_FROM: "earliest" });
      await floor.takeOver(accountId);
      const isFrozen = async (): Promise<boolean> =>
        (await floor.all("commands")).some((command) => command.accountId === accountId && command.action === "FREEZE");
      await until(isFrozen, { what: `${accountId} is frozen`, processes: [running] });
      await running.kill("SIGTERM");
      assert.doesNotMatch(running.log(), /AUTHORIZATION_FAILED/u);
    }

    const { commands } = floor.topics;
    await withdraw(floor, { resourceName: commands, operation: AclOperationTypes.WRITE });
    const refused = await startHoldfast(t, floor, byPassword);
    await floor.takeOver("carol");
    const named = new RegExp(`${commands}.*TOPIC_AUTHORIZATION_FAILED`, "u");
    await until(() => named.test(refused.log()), {
      what: "it says which topic it may not write",
      processes: [refused],
    });
  },
);

interface Right {
  readonly resourceType: ResourceType;
  readonly resourceName: string;
  readonly operation: Operation;
}

/** The table in SECURITY.md. */
function rightsOf({ topics, env: { HOLDFAST_TOPIC_PREFIX: prefix } }: Floor): Right[] {
  const { READ, WRITE, DELETE, DESCRIBE_CONFIGS } = AclOperationTypes;
  const right = (operation: Operation, ...names: readonly string[]): Right[] =>
    names.map((resourceName) => ({ resourceType: AclResourceTypes.TOPIC, resourceName, operation }));
  const { inputs, decisions, acks, signals, state, commands, detections, deadLetter } = topics;
  const read = [...inputs.map(({ topic }) => topic), decisions, acks, signals, state, commands];
  return [
    ...right(READ, ...read),
    ...right(WRITE, commands, detections, signals, state, deadLetter),
    ...right(DESCRIBE_CONFIGS, ...read, detections, deadLetter),
    ...right(DELETE, state),
    { resourceType: AclResourceTypes.GROUP, resourceName: `${prefix}holdfast`, operation: READ },
  ];
}

async function grant({ client }: Floor, rights: readonly Right[]): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  const entry = {
    host: "*",
    permissionType: AclPermissionTypes.ALLOW,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  };
  await admin.createAcls({
    acl: PRINCIPALS.flatMap((principal) => rights.map((right) => ({ ...entry, ...right, principal }))),
  });
  await admin.disconnect();
}

async function withdraw({ client }: Floor, right: Omit<Right, "resourceType">): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  const { ALLOW: permissionType } = AclPermissionTypes;
  const which = {
    permissionType,
    resourceType: AclResourceTypes.TOPIC,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  };
  await admin.deleteAcls({ filters: [{ ...which, ...right }] });
  await admin.disconnect();
}

/** Kafka's AlterUserScramCredentials, version 0: kafkajs has none. */
async function addUser({ client, topics }: Floor): Promise<void> {
  const [salt, iterations, sha512] = [randomBytes(16), 4_096, 2];
  const salted = pbkdf2Sync(PASSWORD, salt, iterations, 64, "sha512");
  const body = new WireWriter(256).compactArray(0).compactArray(1).compactString(USER).int8(sha512).int32(iterations);
  for (const bytes of [salt, salted]) body.uvarint(bytes.length + 1).raw(bytes);
  const connections = new Connections(client);
  const { code } = await sendRequest(await connections.leader(topics.state, 0), {
    apiKey: 51,
    apiVersion: 0,
    apiName: "AlterUserScramCredentials",
    isFlexible: true,
    body: [body.noTags().noTags().take()],
    timeoutMs: 10_000,
    decode(payload) {
      const reader = new WireReader(payload);
      reader.tags();
      const throttleMs = reader.int32();
      const codes = reader.compactArray(() => (reader.compactString(), reader.int16()));
      return { throttleMs, code: codes[0] };
    },
  });
  connections.close();
  assert.equal(code, 0);
}

/** A port whose connections lead to one that is not known yet. */
async function openForwarder(t: TestContext): Promise<{ address: string; lead: (target: string) => void }> {
  let target = { host: "", port: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy()).on("close", () => (other.destroy(), sockets.delete(one)));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead(to) {
      const [host, port] = to.split(":") as [string, string];
      target = { host, port: Number(port) };
    },
  };
}
