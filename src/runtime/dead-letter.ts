// A record that could not be processed, as it goes to the dead-letter topic: the original bytes, and
// headers that say why and where (EVENTS.md, schemas/dead-letter/). Unique by topic, partition and offset.

import type { Rejection } from "../core/event.ts";
import type { OutRecord, RecordBatch } from "./ports.ts";

const DETAIL_LENGTH = 500;

export function deadLetter(batch: RecordBatch, index: number, rejection: Rejection): OutRecord {
  return {
    key: batch.keyAt(index),
    value: batch.valueAt(index),
    headers: {
      ...batch.headersAt(index),
      "holdfast-reason": rejection.reason,
      "holdfast-detail": rejection.detail.slice(0, DETAIL_LENGTH),
      "holdfast-topic": batch.topic,
      "holdfast-partition": String(batch.partition),
      "holdfast-offset": String(batch.offsetAt(index)),
      "holdfast-timestamp": String(batch.timestampAt(index)),
    },
  };
}
