// Ends a timer loop of kafkajs. RequestQueue.scheduleCheckPendingRequests arms a timer after every response,
// also when nothing is pending, with a delay of "throttled until" (-1) minus now: negative, which Node turns
// into 1 ms (and Node 24 warns of). The callback arms the next: every connection wakes up a thousand times
// a second for ever.

import { kafkajs } from "./kafkajs.ts";
import type { RequestQueue } from "./kafkajs.ts";

const CHECK_AGAIN_MS = 10;

/** Idempotent. @throws Error when kafkajs is not of the shape this was written for */
export function patchRequestQueue(): void {
  const { prototype } = kafkajs.RequestQueue;
  if (
    typeof prototype.scheduleCheckPendingRequests !== "function" ||
    typeof prototype.checkPendingRequests !== "function"
  ) {
    throw new Error(
      "kafkajs's RequestQueue has no scheduleCheckPendingRequests: adapters/kafka/request-queue-patch.ts has to be revised",
    );
  }
  prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
}

/** A response to a request in flight checks the queue by itself; the timer is for a throttle that ends. */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
  const throttled = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttled > 0 ? throttled : CHECK_AGAIN_MS,
  );
}
