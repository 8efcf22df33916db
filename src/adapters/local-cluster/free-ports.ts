// Ports for servers that must be told theirs before they start. A port is free when chosen and may be
// taken a moment later: whoever uses one checks its server's own word that it listens, and chooses again.

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** `count` different free ports of 127.0.0.1, all held open at once while choosing. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    await Promise.all(
      servers.map((server) => {
        server.listen(0, "127.0.0.1");
        return once(server, "listening");
      }),
    );
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }
}
