// Decompression with an upper bound. Owns which codecs are read; kafkajs's own codecs play no part.

import { gunzipSync, zstdDecompressSync } from "node:zlib";

/** The low three bits of a record batch's attributes. */
export const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Codec = (typeof CODECS)[number];

export type Decompressed =
  | { readonly bytes: Buffer }
  | { readonly problem: "too-large" | "unsupported" | "corrupt"; readonly detail: string };

/** @param maxBytes upper bound of the result; memory use stays near it whatever the input says */
export function decompress(codec: Codec, compressed: Buffer, maxBytes: number): Decompressed {
  const options = { maxOutputLength: maxBytes };
  try {
    switch (codec) {
      case "none":
        return { bytes: compressed };
      case "gzip":
        return { bytes: gunzipSync(compressed, options) };
      case "zstd":
        return { bytes: zstdDecompressSync(compressed, options) };
      case "snappy":
      case "lz4":
        return { problem: "unsupported", detail: `compression ${codec} is not supported; use gzip, zstd or none` };
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      return { problem: "too-large", detail: `${compressed.length} bytes of ${codec} expand to more than ${maxBytes}` };
    }
    return { problem: "corrupt", detail: `${codec}: ${message}` };
  }
}
