// Makes kafkajs's connections fit to be used again after they broke. A connection cut in the middle of a
// response keeps the half it got, and the next socket's bytes are appended to it: every later response is
// misread. And two requests that find it closed open two sockets, of which one leaks until the broker
// closes it as idle, which then fails the requests of the other.

import { kafkajs } from "./kafkajs.ts";
import type { Connection } from "./kafkajs.ts";

const SIZE_FIELD_BYTES = 4;
const PATCHED = Symbol("holdfast.connectionPatched");

/** Idempotent. @throws Error when kafkajs is not of the shape this was written for */
export function patchConnection(): void {
  const prototype = kafkajs.Connection.prototype as Connection & { [PATCHED]?: true };
  if (prototype[PATCHED]) return;
  if (typeof prototype.connect !== "function" || typeof prototype.isConnected !== "function") {
    throw new Error("kafkajs's Connection has no connect: adapters/kafka/connection-patch.ts has to be revised");
  }
  const connect = prototype.connect;
  const underWay = new WeakMap<Connection, Promise<unknown>>();

  prototype.connect = function (this: Connection): Promise<unknown> {
    const pending = underWay.get(this);
    if (pending !== undefined) return pending;
    if (this.isConnected()) return Promise.resolve(true);
    this.chunks = [];
    this.bytesBuffered = 0;
    this.bytesNeeded = SIZE_FIELD_BYTES;
    const attempt = connect.call(this).finally(() => underWay.delete(this));
    underWay.set(this, attempt);
    return attempt;
  };
  prototype[PATCHED] = true;
}
