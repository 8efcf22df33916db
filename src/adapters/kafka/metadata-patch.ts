// Lets one partition be without a leader. As it comes, kafkajs refuses the whole answer about a cluster for the
// first partition with an error, an optional topic's too: nothing is known of any other then, and no broker,
// coordinator or leader is found until that partition is led again. What such a partition has is told by its
// leader, -1, and is a matter of whoever wants to read or append there. A topic's error stays everybody's: it is
// missing, or may not be described.

import { kafkajs } from "./kafkajs.ts";
import type { MetadataAnswer } from "./kafkajs.ts";

/** Idempotent. @throws Error when kafkajs is not of the shape this was written for */
export function patchMetadata(): void {
  for (const response of kafkajs.metadataResponses) {
    if (typeof response.parse !== "function") {
      throw new Error("kafkajs's Metadata response has no parse: adapters/kafka/metadata-patch.ts has to be revised");
    }
    response.parse = parse;
  }
}

/** @throws kafkajs's errors */
function parse(answer: MetadataAnswer): Promise<MetadataAnswer> {
  const refused = answer.topicMetadata.find(({ topicErrorCode }) => topicErrorCode !== 0);
  return refused === undefined
    ? Promise.resolve(answer)
    : Promise.reject(kafkajs.createErrorFromCode(refused.topicErrorCode));
}
