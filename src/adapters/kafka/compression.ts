// Decompression with an upper bound, for all four codecs of Kafka. Owns which codecs are read; kafkajs's own
// codecs play no part.

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { ExpansionFailure } from "./expansion.ts";
import { decompressLz4 } from "./lz4.ts";
import { decompressSnappy } from "./snappy.ts";

/** The low three bits of a record batch's attributes. */
export const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Codec = (typeof CODECS)[number];

export type Decompressed =
  | { readonly bytes: Buffer }
  | { readonly problem: "too-large" | "corrupt"; readonly detail: string };

/** @param maxBytes upper bound of the result; memory use stays near it whatever the input says */
export function decompress(codec: Codec, compressed: Buffer, maxBytes: number): Decompressed {
  try {
    return { bytes: expand(codec, compressed, maxBytes) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const tooLarge =
      error instanceof ExpansionFailure ? error.problem === "too-large" : code === "ERR_BUFFER_TOO_LARGE";
    if (tooLarge) {
      return { problem: "too-large", detail: `${compressed.length} bytes of ${codec} expand to more than ${maxBytes}` };
    }
    return { problem: "corrupt", detail: `${codec}: ${message}` };
  }
}

function expand(codec: Codec, compressed: Buffer, maxBytes: number): Buffer {
  const options = { maxOutputLength: maxBytes };
  switch (codec) {
    case "none":
      return compressed;
    case "gzip":
      return gunzipSync(compressed, options);
    case "snappy":
      return decompressSnappy(compressed, maxBytes);
    case "lz4":
      return decompressLz4(compressed, maxBytes);
    case "zstd":
      return zstdDecompressSync(compressed, options);
  }
}
