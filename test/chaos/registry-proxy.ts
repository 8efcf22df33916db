// An HTTP proxy before the schema registry, which can be down, slow, broken or wrong.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * `down`: connections end without an answer. `silent`: they never get one. `slow`: after three seconds.
 * `failing`: status 500. `wrong`: status 200 and a page that is no answer at all.
 */
export type RegistryMood = "well" | "down" | "silent" | "slow" | "failing" | "wrong";

export interface RegistryProxy {
  /** As the registry's own: with its path, without a slash at the end. */
  readonly url: string;
  mood: RegistryMood;
  /** Requests since the start, whatever became of them. */
  readonly requests: () => number;
  close(): void;
}

const SLOW_MS = 3_000;

export async function openRegistryProxy(registryUrl: string): Promise<RegistryProxy> {
  const target = new URL(registryUrl);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy: RegistryProxy = {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    mood: "well",
    requests: () => requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mood } = proxy;
    if (mood === "silent") return;
    if (mood === "down") return void request.socket.destroy();
    if (mood === "failing") return void response.writeHead(500).end("out of order");
    if (mood === "wrong") return void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>");
    if (mood === "slow") await sleep(SLOW_MS);
    const body = request.method === "GET" ? undefined : new Uint8Array(await buffer(request));
    const type = request.headers["content-type"];
    const passed = await fetch(new URL(request.url ?? "/", target), {
      method: request.method ?? "GET",
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { "content-type": type } }),
    });
    response.writeHead(passed.status, { "content-type": passed.headers.get("content-type") ?? "application/json" });
    response.end(Buffer.from(await passed.arrayBuffer()));
  }

  return proxy;
}
