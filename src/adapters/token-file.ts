// A bearer token that lies in a file and is replaced there while the process runs, as Kubernetes does with
// projected service account tokens: read each time it is needed.

import { readFile } from "node:fs/promises";
import { BrokerFailure } from "../runtime/ports.ts";

/** @throws BrokerFailure (`retry`): the file may be about to be replaced */
export async function readToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, "utf8")).trim();
    if (token !== "") return token;
  } catch (error) {
    throw noToken(`the token in ${path} cannot be read: ${(error as Error).message}`, error);
  }
  throw noToken(`${path} holds no token`);
}

export function noToken(message: string, cause?: unknown): BrokerFailure {
  return new BrokerFailure(message, { disposition: "retry", code: "NO_TOKEN", cause });
}
