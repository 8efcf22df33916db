// A schema registry in this process, behind the interface of adapters/registry.ts: ids in order of
// registration, one for each distinct text. Checks nothing of compatibility; that is the real one's. It can be
// told to deny what it knows, as a replica that lags does.

import type avro from "avsc";
import type { SchemaRegistry } from "../registry.ts";

export interface MemoryRegistry extends SchemaRegistry {
  /** While true, it knows no schema id. */
  lags: boolean;
}

export function createMemoryRegistry(): MemoryRegistry {
  /** Schema text at index id − 1. */
  const texts: string[] = [];
  /** Subject → ids of its versions, oldest first. */
  const subjects = new Map<string, number[]>();

  return {
    lags: false,
    schema(id) {
      const text = this.lags ? undefined : texts[id - 1];
      if (text === undefined) return Promise.resolve({ kind: "unknown" });
      return Promise.resolve({ kind: "avro", json: JSON.parse(text) as avro.Schema });
    },
    idOf(subject, schemaText) {
      const id = texts.indexOf(schemaText) + 1;
      return Promise.resolve(subjects.get(subject)?.includes(id) === true ? id : null);
    },
    latestId: (subject) => Promise.resolve(subjects.get(subject)?.at(-1) ?? null),
    register(subject, schemaText) {
      const known = texts.indexOf(schemaText);
      const id = known >= 0 ? known + 1 : texts.push(schemaText);
      const versions = subjects.get(subject) ?? [];
      if (!versions.includes(id)) subjects.set(subject, [...versions, id]);
      return Promise.resolve(id);
    },
  };
}
