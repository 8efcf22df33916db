// A real HTTP server that behaves as a registry's Confluent API does, faults included: what registry and
// codec are tested against without Java. `answer` replaces the next answers, for everything a network may do.

import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ConfluentServer {
  readonly url: string;
  /** Requests so far, as `GET /schemas/ids/1`. */
  readonly requests: string[];
  readonly compatibility: Map<string, string>;
  /** Where set, every request must carry it as its Authorization; otherwise the answer is 401. */
  authorization: string | null;
  /** Registers without asking for compatibility. @returns the id */
  add(subject: string, schema: string, schemaType?: string): number;
  /** Answers every request like this until it is called with null. */
  fail(answer: ((response: ServerResponse) => void) | null): void;
  close(): Promise<void>;
}

interface Version {
  readonly subject: string;
  readonly schema: string;
  readonly schemaType: string | undefined;
  readonly id: number;
}

export async function startConfluentServer(): Promise<ConfluentServer> {
  const versions: Version[] = [];
  const requests: string[] = [];
  const compatibility = new Map<string, string>();
  let failure: ((response: ServerResponse) => void) | null = null;

  function add(subject: string, schema: string, schemaType?: string): number {
    const same = versions.find((version) => version.schema === schema);
    const id = same?.id ?? new Set(versions.map((version) => version.id)).size + 1;
    if (!versions.some((version) => version.subject === subject && version.id === id)) {
      versions.push({ subject, schema, schemaType, id });
    }
    return id;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests.push(`${request.method} ${request.url}`);
    const body = await textOf(request);
    if (self.authorization !== null && request.headers.authorization !== self.authorization) {
      return send(response, 401, { error_code: 40101, message: "Unauthorized" });
    }
    if (failure !== null) return failure(response);
    const [resource, name, ...rest] = (request.url ?? "").split("/").slice(1).map(decodeURIComponent);
    const call = `${request.method} ${resource}${rest.length > 0 ? `/${rest.join("/")}` : ""}`;
    if (resource === "schemas") {
      const found = versions.find(({ id }) => id === Number(rest[0]));
      if (found === undefined) return send(response, 404, { error_code: 40403, message: "Schema not found" });
      return send(response, 200, { schema: found.schema, schemaType: found.schemaType });
    }
    const subject = name ?? "";
    const own = versions.filter((version) => version.subject === subject);
    if (call === "GET config") {
      const level = compatibility.get(subject);
      if (level === undefined) return send(response, 404, { error_code: 40408, message: "Subject not configured" });
      return send(response, 200, { compatibilityLevel: level });
    }
    if (call === "PUT config") {
      compatibility.set(subject, JSON.parse(body).compatibility);
      return send(response, 200, JSON.parse(body));
    }
    if (call === "POST subjects/versions") {
      const schema: string = JSON.parse(body).schema;
      if (schema.includes("incompatible"))
        return send(response, 409, { error_code: 409, message: "Schema being registered is incompatible" });
      return send(response, 200, { id: add(subject, schema) });
    }
    if (own.length === 0) return send(response, 404, { error_code: 40401, message: "Subject not found" });
    if (call === "POST subjects") {
      const found = own.find(({ schema }) => schema === JSON.parse(body).schema);
      if (found === undefined) return send(response, 404, { error_code: 40403, message: "Schema not found" });
      return send(response, 200, { subject, id: found.id });
    }
    if (call === "GET subjects/versions/latest") return send(response, 200, { subject, id: own.at(-1)!.id });
    return send(response, 405, { error_code: 405, message: "Method not allowed" });
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const self: ConfluentServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    compatibility,
    authorization: null,
    add,
    fail: (answer) => void (failure = answer),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/vnd.schemaregistry.v1+json" });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text;
}
