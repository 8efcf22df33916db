import assert from "node:assert/strict";
import { test } from "node:test";
import { brokerFailure } from "../../../src/adapters/kafka/failures.ts";

/** As kafkajs makes them: the error that names what happened is known by its name. */
function kafkajsError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

test("a connection lost while it authenticated is no refusal; a refusal ends the process", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ["SASL PLAIN authentication failed: Closed connection", "retry", "CONNECTION"],
    ["SASL PLAIN authentication failed: Connection error: read ECONNRESET", "retry", "CONNECTION"],
    ["SASL SCRAM SHA512 authentication failed: Not connected", "retry", "CONNECTION"],
    [
      "SASL OAUTHBEARER authentication failed: Request SaslAuthenticate(key: 36, version: 1) timed out",
      "retry",
      "CONNECTION",
    ],
    [
      "SASL PLAIN authentication failed: Authentication failed: Invalid username or password",
      "halt",
      "SASL_AUTHENTICATION_FAILED",
    ],
    ["SASL OAUTHBEARER mechanism is not supported by the server", "halt", "SASL_AUTHENTICATION_FAILED"],
  ];
  for (const [message, disposition, code] of rows) {
    const failure = brokerFailure(kafkajsError("KafkaJSSASLAuthenticationError", message), "append");
    assert.deepEqual([failure.disposition, failure.code], [disposition, code], message);
  }
});
