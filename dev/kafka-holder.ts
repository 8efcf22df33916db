// How `npm run kafka` talks to the process that holds its cluster: a greeting on connecting, one word to
// stop, and a connection that closes when that process has ended.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Content of .holdfast/kafka.json. */
export interface Holder {
  readonly port: number;
  /** Its greeting; another program may have the port by now. */
  readonly name: string;
  readonly secret: string;
  readonly kind: string;
  readonly bootstrap: readonly string[];
  readonly registryUrl: string;
}

export async function isUp(holder: Holder): Promise<boolean> {
  const socket = await greeted(holder);
  socket?.destroy();
  return socket !== undefined;
}

/** Resolves when the holder has stopped the cluster and ended. */
export async function askToStop(holder: Holder): Promise<void> {
  const socket = await greeted(holder);
  if (socket === undefined) return;
  const closed = once(socket, "close");
  socket.on("error", () => {});
  socket.resume();
  socket.write(`stop ${holder.secret}\n`);
  await closed;
}

/** undefined: nobody listens there, or somebody else does (the file is left over). */
async function greeted(holder: Holder): Promise<Socket | undefined> {
  const socket = connect(holder.port, "127.0.0.1");
  try {
    const [greeting] = (await once(socket, "data", { signal: AbortSignal.timeout(2_000) })) as [Buffer];
    if (greeting.toString() === `${holder.name}\n`) return socket;
  } catch {
    // Refused, reset or silent: the same answer.
  }
  socket.destroy();
  return undefined;
}
