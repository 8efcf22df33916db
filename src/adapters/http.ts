// The operations port: read-only answers about this process, for probes, Prometheus and `holdfast
// status`. Knows nothing of the processor: it asks callbacks. No route changes anything; whatever it
// does not know gets a 4xx with a text that says so.

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What keeps a probe from succeeding, in one line. */
export type Problem = string;

export interface Operations {
  /** Null: the event loop and the tasks progress. Never asks a broker: a restart would not mend one. */
  live(): Problem | null;
  /** Null: assigned and restored. */
  ready(): Problem | null;
  /** Null: start-up is over. */
  started(): Problem | null;
  /** JSON-serialisable; no account ids. */
  status(): object;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface OperationsServer {
  /** With the port in force. */
  readonly url: string;
  /** Stops listening, gives running answers a second to end, then cuts what is left. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const TEXT = "text/plain; charset=utf-8";
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
const MAX_CONNECTIONS = 64;
const CLOSE_GRACE_MS = 1_000;

const ROUTES: Readonly<Record<string, (operations: Operations) => Answer | Promise<Answer>>> = {
  "/metrics": async (operations) => {
    const { contentType, text } = await operations.metrics();
    return { status: 200, type: contentType, text };
  },
  "/livez": (operations) => probe(operations.live()),
  "/readyz": (operations) => probe(operations.ready()),
  "/startupz": (operations) => probe(operations.started()),
  "/status": (operations) => ({
    status: 200,
    type: "application/json",
    text: `${JSON.stringify(operations.status())}\n`,
  }),
};

/** @throws Error with one clear message when the address cannot be listened on */
export async function openOperationsServer(
  address: { readonly host: string; readonly port: number },
  operations: Operations,
): Promise<OperationsServer> {
  const server = createServer((request, response) => void respond(request, response, operations));
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return { url: `http://${host}:${port}`, close: () => close(server) };
}

async function respond(request: IncomingMessage, response: ServerResponse, operations: Operations): Promise<void> {
  const answer = await answerTo(request, operations).catch(failed);
  response.writeHead(answer.status, {
    "content-type": answer.type,
    "content-length": Buffer.byteLength(answer.text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(answer.status === 405 ? { allow: "GET, HEAD" } : {}),
    // A refused body is not read: the connection cannot be used again.
    ...(hasBody(request) ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : answer.text);
}

async function answerTo(request: IncomingMessage, operations: Operations): Promise<Answer> {
  const path = (request.url ?? "").split("?", 1)[0]!;
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) return refuse(404, `no such path; there are ${Object.keys(ROUTES).join(", ")}`);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(405, "this port is read-only: GET or HEAD");
  }
  if (hasBody(request)) return refuse(413, "a request here has no body");
  return route(operations);
}

function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

function probe(problem: Problem | null): Answer {
  return problem === null ? { status: 200, type: TEXT, text: "ok\n" } : refuse(503, problem);
}

function refuse(status: number, text: string): Answer {
  return { status, type: TEXT, text: `${text}\n` };
}

function failed(error: unknown): Answer {
  return refuse(500, `cannot answer: ${error instanceof Error ? error.message : String(error)}`);
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `operations port ${host}:${port}`;
      const why: Record<string, string> = {
        EADDRINUSE: "is taken by another process; choose another with HOLDFAST_HTTP_PORT (0 = any free one)",
        EACCES: "may not be opened by this user; choose one above 1023 with HOLDFAST_HTTP_PORT",
        EADDRNOTAVAIL: "is not an address of this machine; correct HOLDFAST_HTTP_HOST",
        ENOTFOUND: "is not a known host; correct HOLDFAST_HTTP_HOST",
      };
      reject(new Error(`${where} ${why[error.code ?? ""] ?? error.message}`, { cause: error }));
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
