// A number for a text, for tables and sketches: the same in every process, and no secret.

/**
 * 32 bits of FNV-1a over UTF-16 units, mixed as murmur3 ends: FNV's high bits alone are uneven for short texts.
 * @param from the first unit that counts
 */
export function hashOf(text: string, from: number = 0): number {
  let hash = 0x811c9dc5;
  for (let index = from; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
