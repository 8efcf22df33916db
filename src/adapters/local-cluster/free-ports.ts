// Ports for servers that must be told theirs before they start. A port is free when chosen and may be
// taken a moment later: whoever uses one checks its server's own word that it listens, and chooses again.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";

/** Below what systems hand out to whoever connects or wants any port: nobody is given one of these by chance. */
const LOWEST = 20_000;
const HIGHEST = 32_767;
/** Taken, or kept by the system for itself. */
const UNAVAILABLE = new Set(["EADDRINUSE", "EACCES"]);

/** `count` different free ports of 127.0.0.1, all held open at once while choosing. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    while (servers.length < count) {
      const server = createServer();
      server.listen(randomInt(LOWEST, HIGHEST + 1), "127.0.0.1");
      if (await isListening(server)) servers.push(server);
    }
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }
}

/** @returns false: the port is not to be had */
async function isListening(server: Server): Promise<boolean> {
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if (UNAVAILABLE.has((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
