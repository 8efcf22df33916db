import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SETTINGS, SETTING_NAMES, flagOf, topicsOf, variableOf } from "../../src/config.ts";
import type { Settings } from "../../src/config.ts";
import { kafkaConnection } from "../../src/config/kafka-connection.ts";
import { registryConnection } from "../../src/config/registry-connection.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import type { SettingSources } from "../../src/config/settings-reader.ts";
import { openAuthority } from "../adapters/kafka/certificates.ts";
import { settingsReference } from "../../src/config/settings-reference.ts";
import type { Kind } from "../../src/config/setting-kinds.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-settings-"));
after(() => rmSync(folder, { recursive: true }));
const secretPath = join(folder, "password");
writeFileSync(secretPath, "sesame\n");
const emptyPath = join(folder, "empty");
writeFileSync(emptyPath, "\n");
const pemPath = join(folder, "ca.pem");
const authority = openAuthority("tests");
writeFileSync(pemPath, authority.certificate);
const keyPath = join(folder, "key.pem");
writeFileSync(keyPath, authority.issue("somebody else").key);
const nonsensePath = join(folder, "nonsense.pem");
writeFileSync(nonsensePath, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");

const NEEDED = { HOLDFAST_KAFKA_BROKERS: "localhost:9092", HOLDFAST_REGISTRY_URL: "http://localhost:8081" };

function read(env: SettingSources["env"], flags: SettingSources["flags"] = {}): Settings {
  const result = readSettings(SETTING_NAMES, { env: { ...NEEDED, ...env }, flags });
  assert.ok("settings" in result, "problems" in result ? result.problems.join("\n") : "");
  return result.settings;
}

function problems(env: SettingSources["env"], flags: SettingSources["flags"] = {}): readonly string[] {
  const result = readSettings(SETTING_NAMES, { env: { ...NEEDED, ...env }, flags });
  assert.ok("problems" in result, "was accepted");
  return result.problems;
}

test("what is needed suffices; the rest has defaults", () => {
  const settings = read({});
  assert.deepEqual(settings.kafkaBrokers, ["localhost:9092"]);
  assert.equal(settings.checkpointIntervalMs, 1_000);
  assert.equal(settings.startFrom, 24 * 3_600_000);
  assert.equal(settings.kafkaSaslPasswordFile, undefined);
});

test("a flag wins over a variable, a variable over the default; an empty variable is absent", () => {
  const env = { ...NEEDED, HOLDFAST_HTTP_PORT: "1", HOLDFAST_GROUP_ID: "g", HOLDFAST_MODE: "" };
  const result = readSettings(["httpPort", "groupId", "mode"], { env, flags: { httpPort: "2" } });
  assert.ok("settings" in result);
  assert.deepEqual(result.settings, { httpPort: 2, groupId: "g", mode: "enforce" });
});

test("every problem is told at once, each with where the value came from", () => {
  const found = problems(
    {
      HOLDFAST_KAFKA_BROKERS: "a:9092,b",
      HOLDFAST_REGISTRY_URL: "",
      HOLDFAST_KAFKA_BROKER: "x",
      HOLDFAST_CHECKPOINT_INTERVAL_MS: "1s",
      HOLDFAST_KAFKA_SASL_USERNAME: "u",
    },
    { httpPort: "70000" },
  );
  assert.deepEqual(found, [
    "HOLDFAST_KAFKA_BROKER is no setting; did you mean HOLDFAST_KAFKA_BROKERS?",
    'HOLDFAST_KAFKA_BROKERS must be host:port, several separated by commas; got "b"',
    "HOLDFAST_REGISTRY_URL (or --registry-url) is not set: an http or https URL",
    'HOLDFAST_CHECKPOINT_INTERVAL_MS must be a whole number of milliseconds from 50 to 60000; got "1s"',
    '--http-port must be a whole number from 0 to 65535; got "70000"',
    "HOLDFAST_KAFKA_SASL_USERNAME is set but HOLDFAST_KAFKA_SASL_MECHANISM is not; they go together",
  ]);
});

const ACCEPTED: readonly [keyof Settings, string, unknown][] = [
  ["kafkaBrokers", " 127.0.0.1:1 , [::1]:65535,localhost:9", ["127.0.0.1:1", "[::1]:65535", "localhost:9"]],
  ["registryUrl", "https://r:1/apis/ccompat/v7/", "https://r:1/apis/ccompat/v7"],
  ["sessionTimeoutMs", "6000", 6_000],
  ["sessionTimeoutMs", "300000", 300_000],
  ["startFrom", "earliest", "earliest"],
  ["startFrom", "latest", "latest"],
  ["startFrom", "90s", 90_000],
  ["startFrom", "0s", 0],
  ["startFrom", "2d", 172_800_000],
  ["mode", "step-up", "step-up"],
  ["insecure", "true", true],
  ["insecure", "false", false],
  ["topicPrefix", "demo-1.", "demo-1."],
  ["httpPort", "0", 0],
];
for (const [name, given, value] of ACCEPTED) {
  test(`${variableOf(name)}=${given} is taken`, () =>
    assert.deepEqual(read({ [variableOf(name)]: given })[name], value));
}

const REFUSED: readonly [keyof Settings, string][] = [
  ["kafkaBrokers", "localhost"],
  ["kafkaBrokers", "localhost:0"],
  ["kafkaBrokers", "localhost:65536"],
  ["kafkaBrokers", "localhost:9092,"],
  ["registryUrl", "ftp://r"],
  ["registryUrl", "http://user:secret@r"],
  ["sessionTimeoutMs", "5999"],
  ["sessionTimeoutMs", "300001"],
  ["sessionTimeoutMs", "1e4"],
  ["sessionTimeoutMs", "-1"],
  ["startFrom", "yesterday"],
  ["startFrom", "1w"],
  ["mode", "Enforce"],
  ["insecure", "yes"],
  ["topicAuth", "a b"],
  ["topicAuth", ".."],
  ["pseudonymKeyFile", join(folder, "absent")],
  ["pseudonymKeyFile", emptyPath],
  ["kafkaSslCaFile", secretPath],
];
for (const [name, given] of REFUSED) {
  test(`${variableOf(name)}=${given.replace(folder, "…")} is refused by name`, () => {
    const found = problems({ [variableOf(name)]: given });
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, new RegExp(`^${variableOf(name)} `));
    assert.doesNotMatch(found[0]!, /undefined|`/);
  });
}

const BEARER: SettingSources["env"] = {
  HOLDFAST_KAFKA_SASL_MECHANISM: "oauthbearer",
  HOLDFAST_KAFKA_SASL_TOKEN_URL: "https://idp/token",
  HOLDFAST_KAFKA_SASL_USERNAME: "holdfast",
  HOLDFAST_KAFKA_SASL_PASSWORD_FILE: secretPath,
};

const CONTRADICTIONS: readonly [string, SettingSources["env"], RegExp][] = [
  [
    "plain text off loopback",
    { HOLDFAST_KAFKA_BROKERS: "localhost:1,kafka:9092" },
    /kafka:9092 would be spoken to in plain text; set HOLDFAST_KAFKA_SSL=true/,
  ],
  ["certificates without TLS", { HOLDFAST_KAFKA_SSL_CA_FILE: pemPath }, /HOLDFAST_KAFKA_SSL is false/],
  [
    "a client certificate without its key",
    { HOLDFAST_KAFKA_SSL: "true", HOLDFAST_KAFKA_SSL_CERT_FILE: pemPath },
    /HOLDFAST_KAFKA_SSL_KEY_FILE/,
  ],
  [
    "a certificate authority that is none",
    { HOLDFAST_KAFKA_SSL: "true", HOLDFAST_KAFKA_SSL_CA_FILE: nonsensePath },
    /^HOLDFAST_KAFKA_SSL_CA_FILE cannot be used for TLS: /,
  ],
  [
    "a client certificate with another's key",
    { HOLDFAST_KAFKA_SSL: "true", HOLDFAST_KAFKA_SSL_CERT_FILE: pemPath, HOLDFAST_KAFKA_SSL_KEY_FILE: keyPath },
    /^HOLDFAST_KAFKA_SSL_CERT_FILE with HOLDFAST_KAFKA_SSL_KEY_FILE cannot be used for TLS: .*key values mismatch/,
  ],
  [
    "a registry's authority that is none",
    { HOLDFAST_REGISTRY_SSL_CA_FILE: nonsensePath },
    /^HOLDFAST_REGISTRY_SSL_CA_FILE cannot be used for TLS: /,
  ],
  [
    "a bearer log-in without a token",
    { HOLDFAST_KAFKA_SASL_MECHANISM: "oauthbearer" },
    /is oauthbearer, but no token is named: set HOLDFAST_KAFKA_SASL_TOKEN_PATH, or HOLDFAST_KAFKA_SASL_TOKEN_URL/,
  ],
  [
    "a bearer log-in with two tokens",
    {
      ...BEARER,
      HOLDFAST_KAFKA_SASL_TOKEN_PATH: secretPath,
    },
    /two sources of one token/,
  ],
  [
    "a token URL without a client secret",
    { ...BEARER, HOLDFAST_KAFKA_SASL_PASSWORD_FILE: "" },
    /TOKEN_URL needs HOLDFAST_KAFKA_SASL_USERNAME/,
  ],
  [
    "a token for another mechanism",
    {
      HOLDFAST_KAFKA_SASL_MECHANISM: "plain",
      HOLDFAST_KAFKA_SASL_USERNAME: "u",
      HOLDFAST_KAFKA_SASL_PASSWORD_FILE: secretPath,
      HOLDFAST_KAFKA_SASL_TOKEN_PATH: secretPath,
    },
    /a token is named, but HOLDFAST_KAFKA_SASL_MECHANISM is plain/,
  ],
  [
    "a client secret in plain text",
    { ...BEARER, HOLDFAST_KAFKA_SASL_TOKEN_URL: "http://idp/token" },
    /HOLDFAST_KAFKA_SASL_TOKEN_URL \(or --kafka-sasl-token-url\) would be told a secret in plain text; use https/,
  ],
  [
    "a registry's password in plain text",
    {
      HOLDFAST_REGISTRY_URL: "http://registry:8081",
      HOLDFAST_REGISTRY_USERNAME: "u",
      HOLDFAST_REGISTRY_PASSWORD_FILE: secretPath,
    },
    /HOLDFAST_REGISTRY_URL \(or --registry-url\) would be told a secret in plain text/,
  ],
  ["half a registry's log-in", { HOLDFAST_REGISTRY_USERNAME: "u" }, /HOLDFAST_REGISTRY_PASSWORD_FILE is not; they go/],
  [
    "two registry's log-ins",
    {
      HOLDFAST_REGISTRY_USERNAME: "u",
      HOLDFAST_REGISTRY_PASSWORD_FILE: secretPath,
      HOLDFAST_REGISTRY_TOKEN_PATH: secretPath,
    },
    /two ways to log in; set one/,
  ],
  [
    "a topic with two uses",
    { HOLDFAST_TOPIC_AUTH: "withdrawal-events" },
    /"withdrawal-events" is named by two settings/,
  ],
  ["a topic of answers with two uses", { HOLDFAST_TOPIC_ACKS: "holdfast.state" }, /"holdfast.state" is named by two/],
  [
    "a topic of people's words with two uses",
    { HOLDFAST_TOPIC_DECISIONS: "holdfast.signals" },
    /"holdfast.signals" is named by two/,
  ],
  [
    "an optional topic with two uses",
    { HOLDFAST_TOPIC_TRADE: "withdrawal-events" },
    /"withdrawal-events" is named by two settings/,
  ],
];
for (const [what, env, message] of CONTRADICTIONS) {
  test(`${what} is refused`, () => {
    const found = problems(env);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, message);
  });
}

test("what Kubernetes says of a Service named holdfast is no wrong setting; a mistyped port is", () => {
  read({
    HOLDFAST_SERVICE_HOST: "10.0.0.7",
    HOLDFAST_SERVICE_PORT_METRICS: "9464",
    HOLDFAST_PORT: "tcp://10.0.0.7:9464",
    HOLDFAST_PORT_9464_TCP_ADDR: "10.0.0.7",
  });
  assert.deepEqual(problems({ HOLDFAST_HTP_PORT: "9464" }), [
    "HOLDFAST_HTP_PORT is no setting; did you mean HOLDFAST_HTTP_PORT?",
  ]);
});

test("a log-in needs mechanism, name and password; a password that cannot be read is told once", () => {
  assert.equal(problems({ HOLDFAST_KAFKA_SASL_MECHANISM: "plain" }).length, 2);
  const unreadable = { HOLDFAST_KAFKA_SASL_MECHANISM: "plain", HOLDFAST_KAFKA_SASL_USERNAME: "u" };
  const found = problems({ ...unreadable, HOLDFAST_KAFKA_SASL_PASSWORD_FILE: join(folder, "absent") });
  assert.equal(found.length, 1, found.join("\n"));
});

test("brokers off loopback are fine with TLS, or when allowed in so many words", () => {
  const env = { HOLDFAST_KAFKA_BROKERS: "kafka:9092" };
  assert.equal(read({ ...env, HOLDFAST_KAFKA_SSL: "true" }).kafkaSsl, true);
  assert.equal(read({ ...env, HOLDFAST_INSECURE: "true" }).insecure, true);
});

test("a secret reaches the connection and nothing that prints", () => {
  const settings = read({
    HOLDFAST_KAFKA_SASL_MECHANISM: "scram-sha-512",
    HOLDFAST_KAFKA_SASL_USERNAME: "holdfast",
    HOLDFAST_KAFKA_SASL_PASSWORD_FILE: secretPath,
    HOLDFAST_KAFKA_SSL: "true",
    HOLDFAST_KAFKA_SSL_CA_FILE: pemPath,
  });
  assert.doesNotMatch(JSON.stringify(settings) + String(settings.kafkaSaslPasswordFile), /sesame/);
  assert.deepEqual(kafkaConnection(settings), {
    brokers: ["localhost:9092"],
    clientId: "holdfast",
    ssl: { ca: authority.certificate },
    sasl: { mechanism: "scram-sha-512", username: "holdfast", password: "sesame" },
  });
});

test("a token's file, or an endpoint to ask, becomes what kafkajs asks at each log-in", async () => {
  const path = { HOLDFAST_KAFKA_SASL_MECHANISM: "oauthbearer", HOLDFAST_KAFKA_SASL_TOKEN_PATH: secretPath };
  for (const env of [path, BEARER]) {
    const { sasl } = kafkaConnection(read(env));
    assert.equal(sasl?.mechanism, "oauthbearer");
    assert.ok("oauthBearerProvider" in sasl);
  }
  const { sasl } = kafkaConnection(read(path));
  assert.ok(sasl !== undefined && "oauthBearerProvider" in sasl);
  assert.deepEqual(await sasl.oauthBearerProvider(), { value: "sesame" });
});

test("the registry's log-in reaches its connection, the secret nothing that prints", () => {
  const env = { HOLDFAST_REGISTRY_USERNAME: "u", HOLDFAST_REGISTRY_PASSWORD_FILE: secretPath };
  const settings = read({ ...env, HOLDFAST_REGISTRY_SSL_CA_FILE: pemPath });
  assert.doesNotMatch(JSON.stringify(settings), /sesame/);
  assert.deepEqual(registryConnection(settings), {
    url: settings.registryUrl,
    basic: { username: "u", password: "sesame" },
    ca: authority.certificate,
  });
  const { tokenPath } = registryConnection(read({ HOLDFAST_REGISTRY_TOKEN_PATH: secretPath }));
  assert.equal(tokenPath, secretPath);
});

test("the prefix stands before every topic", () => {
  const topics = topicsOf(read({ HOLDFAST_TOPIC_PREFIX: "x." }));
  const names = [
    ...topics.inputs.map(({ topic }) => topic),
    topics.decisions,
    topics.acks,
    topics.signals,
    topics.commands,
    topics.detections,
    topics.state,
    topics.deadLetter,
  ];
  assert.deepEqual(names, [
    "x.auth-events",
    "x.api-key-events",
    "x.withdrawal-events",
    "x.holdfast.decisions",
    "x.holdfast.acks",
    "x.holdfast.signals",
    "x.holdfast.commands",
    "x.holdfast.detections",
    "x.holdfast.state",
    "x.holdfast.dead-letter",
  ]);
});

test("the topic of trades is an optional input, read only when it is named", () => {
  const tradesOf = (env: SettingSources["env"]): unknown =>
    topicsOf(read(env)).inputs.filter(({ service }) => service === "trade");
  assert.deepEqual(tradesOf({}), []);
  assert.deepEqual(tradesOf({ HOLDFAST_TOPIC_TRADE: "" }), []);
  assert.deepEqual(tradesOf({ HOLDFAST_TOPIC_TRADE: "fills", HOLDFAST_TOPIC_PREFIX: "x." }), [
    { topic: "x.fills", service: "trade", optional: true },
  ]);
});

test("every default, shown and read again, is itself", () => {
  for (const name of SETTING_NAMES) {
    const setting = SETTINGS[name];
    if (setting.default === "required" || setting.default === "none") continue;
    const kind = setting.kind as Kind<unknown>;
    assert.deepEqual(kind.parse(kind.show(setting.default)), { value: setting.default }, name);
  }
});

test("names follow one pattern", () => {
  for (const name of SETTING_NAMES) {
    assert.match(variableOf(name), /^HOLDFAST_[A-Z]+(?:_[A-Z]+)*$/);
    assert.match(flagOf(name), /^--[a-z]+(?:-[a-z]+)*$/);
    assert.match(SETTINGS[name].doc, /\.$/);
  }
});

test("docs/configuration.md is what the table says (npm run docs writes it)", () => {
  const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  assert.equal(page, settingsReference());
});
