// The partition a key belongs to: murmur2 as in Java's client (org.apache.kafka.common.utils.Utils.murmur2),
// on 32-bit integers. kafkajs's own computes with big integers, too slow to check every record's key.

import type { Partitioner } from "../../runtime/ports.ts";

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

export const murmur2Partitioner: Partitioner = (key, partitions) => (murmur2(key) & 0x7fffffff) % partitions;

/** @returns the signed 32-bit hash */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  let h = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let k = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24);
    k = Math.imul(k, M);
    k = Math.imul(k ^ (k >>> R), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length - at;
  if (rest === 3) h ^= key[at + 2]! << 16;
  if (rest >= 2) h ^= key[at + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ key[at]!, M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}
