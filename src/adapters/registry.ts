// The schema registry's REST interface (Confluent's, which Apicurio speaks too), by the package
// @kafkajs/confluent-schema-registry as nothing but its client: it asks one question a call and says
// plainly what came of it. Leaves caching, waiting and retrying to the caller (codec.ts), who knows what
// depends on the answer.
//
// Invariants:
//   G1 Only an answer of the registry itself is an answer: a refused connection, a time-out, an error page,
//      a server's failure are BrokerFailure `retry`, never "unknown" or "unusable".
//   G2 Nothing is kept: neither schemas nor retry settings outlive a call.
//
// What the package does that G1 and G2 guard against: an error of the connection is reported as HTTP
// status 400; an error's code is dropped; an error whose body is `null` ends the process; retry settings
// given to one instance become the default of all later ones; its cache has no bound; it has no time-out.
// The one place where it shows an answer as it came is the question whether to retry, so answers are
// judged there; nothing is retried.

import { Agent } from "node:https";
import { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from "@kafkajs/confluent-schema-registry";
import avro from "avsc";
import { BrokerFailure } from "../runtime/ports.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import { readToken } from "./token-file.ts";

/** What the registry has under an id. */
export type RegisteredSchema =
  | { readonly kind: "avro"; readonly json: avro.Schema }
  /** It has no such id. A replica may lag behind: ask again before believing it. */
  | { readonly kind: "unknown" }
  /** It has one, but no Avro schema that can be parsed. */
  | { readonly kind: "unusable"; readonly detail: string };

/** All methods throw BrokerFailure: `retry` when nobody competent answered, `halt` when the registry refused. */
export interface SchemaRegistry {
  schema(id: number): Promise<RegisteredSchema>;
  /** The id under which exactly this schema is registered for the subject; null: it is not. */
  idOf(subject: string, schemaText: string): Promise<number | null>;
  /** The id of the subject's latest version; null: no such subject. */
  latestId(subject: string): Promise<number | null>;
  /**
   * Registers a new version, or finds it again, and gives a new subject the compatibility
   * FULL_TRANSITIVE. Idempotent. A subject with another compatibility, or a schema that does not fit
   * the earlier versions, is refused (`halt`, code REGISTRY_REFUSED).
   */
  register(subject: string, schemaText: string): Promise<number>;
}

const CLIENT_ID = "holdfast";
/** Stands for: whoever answered, if anybody, was not the registry. */
const NO_ANSWER = 599;
const MESSAGE_LENGTH = 200;

type Options = ConstructorParameters<typeof Client>[0];
type RetryOptions = Required<NonNullable<Options["retry"]>>;
type Middleware = NonNullable<Options["middlewares"]>[number];

/** All of them, each time: what is left out would come from whoever made an instance before (G2). */
const RETRY: RetryOptions = {
  retries: 1,
  maxRetryTimeInSecs: 1,
  initialRetryTimeInSecs: 0.1,
  factor: 0,
  multiplier: 1,
  headerRetryCount: "x-retry-count",
  headerRetryTime: "x-retry-time",
  enableRetry: () => true,
  validateRetry: judge,
};

/** The package hands out parsed schemas only, and those forget logical types that they do not know. */
class KeptLogicalType extends avro.types.LogicalType {
  protected override _fromValue(value: unknown): unknown {
    return value;
  }
  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

const KEPT_LOGICAL_TYPES = Object.fromEntries(
  [
    "timestamp-millis",
    "timestamp-micros",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "time-millis",
    "time-micros",
    "date",
  ].map((name) => [name, KeptLogicalType]),
);

/** How to reach the registry, and who asks. */
export interface RegistryConnection {
  /** Base URL of the Confluent API; Apicurio: `http://host:8080/apis/ccompat/v7`. */
  readonly url: string;
  readonly basic?: { readonly username: string; readonly password: string };
  /** File with a bearer token, read at every question. */
  readonly tokenPath?: string;
  /** PEM of the authority that signed the registry's certificate. */
  readonly ca?: string;
}

/** @param options.timeoutMs limit of one request, connect to last byte */
export function createRegistry(
  options: RegistryConnection & { timeoutMs?: number; telemetry: Telemetry },
): SchemaRegistry {
  const { url, basic, tokenPath, ca, timeoutMs = 5_000, telemetry } = options;
  let token = "";
  const client = new Client(
    {
      host: url.replace(/\/+$/, ""),
      clientId: CLIENT_ID,
      retry: RETRY,
      middlewares: [withinTime(timeoutMs), ...(tokenPath === undefined ? [] : [withToken(() => token)]), inItsWords()],
      ...(basic === undefined ? {} : { auth: basic }),
      ...(ca === undefined ? {} : { agent: new Agent({ ca }) }),
    },
    { [SchemaType.AVRO]: { logicalTypes: KEPT_LOGICAL_TYPES } },
  );

  /** @returns the answer; null: HTTP status 404 in the registry's own words */
  async function ask<T>(doing: string, question: () => Promise<T>): Promise<T | null> {
    try {
      if (tokenPath !== undefined) token = await readToken(tokenPath);
      const answer = await question();
      telemetry.emit("registry.requested", { result: "ok" });
      return answer;
    } catch (error) {
      const failure = interpret(error, `${doing} at ${withoutUser(url)}`);
      const result = failure === null ? "unknown_id" : failure.disposition === "halt" ? "refused" : "unreachable";
      telemetry.emit("registry.requested", { result });
      if (failure === null) return null;
      throw failure;
    } finally {
      client.cache.clear(); // G2
    }
  }

  return {
    async schema(id) {
      const found = await ask(`schema ${id}`, () => unlessUnusable(client.getSchema(id)));
      if (found === null) return { kind: "unknown" };
      if (found instanceof Error) return { kind: "unusable", detail: found.message };
      if (!avro.Type.isType(found)) return { kind: "unusable", detail: "it is not an Avro schema" };
      return { kind: "avro", json: (found as unknown as avro.Type).schema({ exportAttrs: true }) };
    },
    idOf: (subject, schemaText) =>
      ask(`lookup of ${subject}`, () => client.getRegistryIdBySchema(subject, avroSchema(schemaText))),
    latestId: (subject) => ask(`latest version of ${subject}`, () => client.getLatestSchemaId(subject)),
    async register(subject, schemaText) {
      const options = { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE };
      const registered = await ask(`registration of ${subject}`, () =>
        client.register(avroSchema(schemaText), options),
      );
      if (registered !== null) return registered.id;
      throw refusal(
        `registration of ${subject} at ${withoutUser(url)}: not found; is the URL the registry's Confluent API?`,
      );
    },
  };
}

function avroSchema(schema: string): { type: SchemaType.AVRO; schema: string } {
  return { type: SchemaType.AVRO, schema };
}

/** A schema that was fetched but cannot be parsed is an answer; whatever keeps it from being fetched is not. */
async function unlessUnusable<T>(fetched: Promise<T>): Promise<T | Error> {
  try {
    return await fetched;
  } catch (error) {
    if (statusOf(error) !== undefined) throw error;
    return error as Error;
  }
}

/** G1, on failed answers: only JSON with an error code is the registry's. Never asks for a retry. */
function judge(response: Parameters<RetryOptions["validateRetry"]>[0]): boolean {
  const raw = response as { -readonly [K in "responseStatus" | "responseData" | "errors"]: (typeof response)[K] };
  const { responseStatus: status, errors } = raw;
  const text = raw.responseData?.slice(0, MESSAGE_LENGTH) ?? "";
  if (errors.length > 0) {
    // Nobody answered; the status is made up, the text is the connection's error.
    raw.responseData = JSON.stringify({ message: text });
    raw.responseStatus = NO_ANSWER;
    // The package would retry some of these against our word.
    errors.length = 0;
  } else if (status >= 400) {
    const answer = parsed(raw.responseData);
    const isOwn = answer?.error_code !== undefined;
    raw.responseData = JSON.stringify({ message: isOwn ? String(answer?.message) : `status ${status}: ${text}` });
    if (!isOwn && status !== 401 && status !== 403) raw.responseStatus = NO_ANSWER;
  }
  return false;
}

function parsed(text: string | null): { error_code?: unknown; message?: unknown } | null {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}

/** @returns null: the registry itself says that there is no such thing */
function interpret(error: unknown, doing: string): BrokerFailure | null {
  if (error instanceof BrokerFailure) return error;
  const status = statusOf(error);
  if (status === 404) return null;
  const message = `${doing}: ${(error as Error).message.replace(`${CLIENT_ID} - `, "")}`;
  const isRefusal = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (isRefusal || isMismatch(error)) return refusal(message, error);
  return new BrokerFailure(message, { disposition: "retry", code: "REGISTRY_UNREACHABLE", cause: error });
}

function refusal(message: string, cause?: unknown): BrokerFailure {
  return new BrokerFailure(message, { disposition: "halt", code: "REGISTRY_REFUSED", cause });
}

/** The HTTP status the package saw or made up; undefined: the error is none of a request. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  // A failed lookup is wrapped in an error without a status; it is always a 404.
  if (error.name === "ConfluentSchemaRegistryError") return 404;
  const { status } = error as { status?: unknown };
  return typeof status === "number" ? status : undefined;
}

function isMismatch(error: unknown): boolean {
  return error instanceof Error && error.name === "ConfluentSchemaRegistryCompatibilityError";
}

/** The package's time-out is for an idle connection; an answer that drips must end too. */
function withinTime(timeoutMs: number): Middleware {
  return () => ({
    prepareRequest: async (next) => (await next()).enhance({ signal: AbortSignal.timeout(timeoutMs) }),
  });
}

function withToken(token: () => string): Middleware {
  return () => ({
    prepareRequest: async (next) => (await next()).enhance({ headers: { authorization: `Bearer ${token()}` } }),
  });
}

/** A gateway's page with status 200 would be taken for an empty answer (G1). */
function inItsWords(): Middleware {
  const expected = ["schema", "id", "compatibilityLevel", "compatibility"];
  return () => ({
    response: async (next) => {
      const response = await next();
      const answer: unknown = response.data();
      if (typeof answer === "object" && answer !== null && expected.some((key) => key in answer)) return response;
      throw Object.assign(new Error(`status ${response.status()}, but not a registry's answer`), { status: NO_ANSWER });
    },
  });
}

function withoutUser(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}
