// Replaces how kafkajs's connections open and break. As they come, a connection that breaks while it is
// being opened anew is wrecked: the old socket's late events close the new one; a socket being closed counts
// as connected and takes requests; half a response stays in the buffer and the next socket's bytes are
// appended to it; two requests that find it closed open two sockets. Brokers that die show all four.
//
// Invariants:
//   S1  Only the latest socket's events change the connection.
//   S2  A connection has at most one socket, opened once for all who wait for it, and begins with an empty
//       buffer.
//   S3  When the socket is gone every request in flight has failed.

import { kafkajs } from "./kafkajs.ts";
import type { Connection, Socket } from "./kafkajs.ts";

const SIZE_FIELD_BYTES = 4;
const USED = ["connect", "disconnect", "isConnected", "processData", "rejectRequests"] as const;

const opening = new WeakMap<Connection, Promise<true>>();

/** Idempotent. @throws Error when kafkajs is not of the shape this was written for */
export function patchConnection(): void {
  const { prototype } = kafkajs.Connection;
  const missing = USED.filter((method) => typeof prototype[method] !== "function");
  if (missing.length > 0) {
    throw new Error(
      `kafkajs's Connection lacks ${missing.join(", ")}: adapters/kafka/connection-patch.ts has to be revised`,
    );
  }
  prototype.connect = connect;
  prototype.disconnect = disconnect;
  prototype.isConnected = isConnected;
}

function isConnected(this: Connection): boolean {
  return this.connectionStatus === "connected";
}

// S2
function connect(this: Connection): Promise<true> {
  if (this.isConnected()) return Promise.resolve(true);
  const underWay = opening.get(this);
  if (underWay !== undefined) return underWay;
  const opened = open(this).finally(() => opening.delete(this));
  opening.set(this, opened);
  return opened;
}

/** Fails what is in flight at once instead of waiting for it. */
function disconnect(this: Connection): Promise<boolean> {
  close(this, new kafkajs.ConnectionError(`the connection to ${this.host}:${this.port} was closed`));
  return Promise.resolve(true);
}

function open(connection: Connection): Promise<true> {
  const { host, port, ssl, connectionTimeout } = connection;
  connection.authenticatedAt = null;
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = SIZE_FIELD_BYTES;
  const { promise, resolve, reject } = Promise.withResolvers<true>();

  const onConnect = (): void => {
    clearTimeout(timer);
    if (connection.socket !== socket) return; // S1
    connection.connectionStatus = "connected";
    connection.requestQueue.scheduleRequestTimeoutCheck();
    resolve(true);
  };
  const gone = (error: Error): void => {
    clearTimeout(timer);
    socket.destroy();
    if (connection.socket === socket) close(connection, error); // S1
    reject(error);
  };
  const lost = (what: string): Error => new kafkajs.ConnectionError(`${what} (${host}:${port})`);
  const socket = connection.socketFactory({ host, port, ssl, onConnect }); // throws for a certificate that is none
  const timer = setTimeout(() => gone(lost("connection timed out")), connectionTimeout);
  connection.socket = socket;
  socket.on("data", (data) => {
    if (connection.socket === socket) connection.processData(data); // S1
  });
  socket.on("end", () => gone(lost("the broker closed the connection")));
  socket.on("close", () => gone(lost("the connection was closed")));
  socket.on("error", (error) => gone(lost(error.message)));
  return promise;
}

// S3
function close(connection: Connection, error: Error): void {
  const socket: Socket | null | undefined = connection.socket;
  connection.socket = null;
  connection.connectionStatus = "disconnected";
  connection.authenticatedAt = null;
  connection.authHandlers?.onError();
  connection.rejectRequests(error);
  connection.requestQueue.destroy();
  socket?.destroy();
}
