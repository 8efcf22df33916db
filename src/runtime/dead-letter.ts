// A record that could not be processed, as it goes to the dead-letter topic: the original bytes, and
// headers that say why and where (EVENTS.md, schemas/dead-letter/). Unique by topic, partition and offset.

import type { Rejection } from "../core/event.ts";
import type { OutRecord, RecordBatch } from "./ports.ts";

const DETAIL_LENGTH = 500;

export function deadLetter(batch: RecordBatch, index: number, rejection: Rejection): OutRecord {
  return {
    key: batch.keyAt(index),
    value: batch.valueAt(index),
    headers: { ...batch.headersAt(index), ...reasonHeaders(batch, index, rejection) },
  };
}

/**
 * For a record that, with the headers, is too large for the dead-letter topic: why and where, without its
 * bytes. They still lie at that place; a processor that stopped over them would stop again at each start.
 */
export function deadLetterWithoutBytes(batch: RecordBatch, index: number, rejection: Rejection): OutRecord {
  const bytes = (batch.keyAt(index)?.length ?? 0) + (batch.valueAt(index)?.length ?? 0);
  const detail = `${bytes} bytes of key and value left out, too large for this topic; ${rejection.detail}`;
  return { key: null, value: null, headers: reasonHeaders(batch, index, { ...rejection, detail }) };
}

function reasonHeaders(batch: RecordBatch, index: number, rejection: Rejection): OutRecord["headers"] {
  return {
    "holdfast-reason": rejection.reason,
    "holdfast-detail": rejection.detail.slice(0, DETAIL_LENGTH),
    "holdfast-topic": batch.topic,
    "holdfast-partition": String(batch.partition),
    "holdfast-offset": String(batch.offsetAt(index)),
    "holdfast-timestamp": String(batch.timestampAt(index)),
  };
}
