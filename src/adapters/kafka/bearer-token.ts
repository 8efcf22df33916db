// The tokens of SASL OAUTHBEARER: read from a file, or fetched from a token endpoint (RFC 6749, client
// credentials) and kept for most of their life. What is in a token is the brokers' business.

import { noToken, readToken } from "../token-file.ts";

export type BearerToken =
  | { readonly path: string }
  | {
      readonly endpoint: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
    };

const WITHIN_MS = 5_000;
/** Where the endpoint does not say how long a token is good for. */
const DEFAULT_LIFE_S = 60;
/** Fetched anew after that part of its life. */
const USED_LIFE = 0.8;

/** @returns what kafkajs asks at each log-in; its failures are BrokerFailure (`retry`) */
export function bearerTokens(source: BearerToken): () => Promise<{ value: string }> {
  if ("path" in source) return async () => ({ value: await readToken(source.path) });
  let until = 0;
  let kept: Promise<string> = Promise.resolve("");
  return async () => {
    if (performance.now() >= until) {
      until = Infinity; // those that log in meanwhile wait for the same answer
      kept = fetchToken(source).then(
        (token) => {
          until = token.until;
          return token.value;
        },
        (error: unknown) => {
          until = 0;
          throw error;
        },
      );
    }
    return { value: await kept };
  };
}

interface Token {
  readonly value: string;
  /** On the monotonic clock. */
  readonly until: number;
}

async function fetchToken(source: Exclude<BearerToken, { readonly path: string }>): Promise<Token> {
  const { endpoint, clientId, clientSecret, scope } = source;
  const login = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(endpoint, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(login).toString("base64")}`, accept: "application/json" },
      body: new URLSearchParams({ grant_type: "client_credentials", ...(scope === undefined ? {} : { scope }) }),
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    text = await answer.text();
  } catch (error) {
    throw noToken(`the token endpoint ${endpoint} does not answer: ${(error as Error).message}`, error);
  }
  const { access_token: token, expires_in: seconds = DEFAULT_LIFE_S } = parsed(text);
  if (!answer.ok || typeof token !== "string" || token === "") {
    throw noToken(`the token endpoint ${endpoint} gives no token (status ${answer.status})`);
  }
  return { value: token, until: performance.now() + Number(seconds) * 1_000 * USED_LIFE };
}

function parsed(text: string): { access_token?: unknown; expires_in?: unknown } {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}
