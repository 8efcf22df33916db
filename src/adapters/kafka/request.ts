// Sends a request that the adapter encodes itself over one of kafkajs's connections: its header and its body
// go to the socket as they are. kafkajs's own way copies a request three times, into zeroed memory that
// grows; with batches of hundreds of kilobytes that took a tenth of the pipeline's time.

import type { Broker } from "./kafkajs.ts";
import { WireWriter } from "./wire.ts";

export interface Request<T extends Throttled> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  /** Whether that version's headers have tags (KIP-482); `decode` sees the answer's. Default: they have none. */
  readonly isFlexible?: boolean;
  /** Sent one after another. */
  readonly body: readonly Buffer[];
  /** @throws kafkajs's errors */
  readonly decode: (payload: Buffer) => T;
  /** Milliseconds; counts only where longer than the client's own. */
  readonly timeoutMs: number;
}

/** What every answer says: how long the broker wants to be left alone (KIP-219), milliseconds. */
export interface Throttled {
  readonly throttleMs: number;
}

const SIZE_FIELD_BYTES = 4;

/** @throws kafkajs's errors */
export async function sendRequest<T extends Throttled>(broker: Broker, request: Request<T>): Promise<T> {
  const { apiKey, apiName, apiVersion, body, decode, timeoutMs } = request;
  const connection = await broker.connectionPool.getConnectionByRequest({ request: { apiKey } });
  if (!connection.isAuthenticated()) await connection.authenticate();
  connection.failIfNotConnected();
  const correlationId = connection.nextCorrelationId();
  const header = headerOf(request, { correlationId, clientId: connection.clientId });
  const { payload } = await new Promise<{ payload: Buffer }>((resolve, reject) => {
    connection.requestQueue.push({
      entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: timeoutMs,
      sendRequest() {
        const { socket } = connection;
        socket!.cork();
        socket!.write(header);
        for (const part of body) socket!.write(part);
        socket!.uncork();
      },
    });
  });
  const answer = decode(payload);
  connection.requestQueue.maybeThrottle(answer.throttleMs);
  return answer;
}

function headerOf(
  { apiKey, apiVersion, isFlexible, body }: Pick<Request<Throttled>, "apiKey" | "apiVersion" | "isFlexible" | "body">,
  { correlationId, clientId }: { correlationId: number; clientId: string },
): Buffer {
  const header = new WireWriter(64);
  header.int32(0).int16(apiKey).int16(apiVersion).int32(correlationId).string(clientId);
  if (isFlexible === true) header.noTags();
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
  header.patchInt32(0, header.position - SIZE_FIELD_BYTES + bodyBytes);
  return header.take();
}
