// A registry over a map, for the codec: what it knows, and how often it was asked. `silent` makes it fail
// as an unreachable one does, `refusing` as one that was asked with revoked credentials. The real client is tested against HTTP servers in registry*.test.ts.

import type { RegisteredSchema, SchemaRegistry } from "../../src/adapters/registry.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";

export class KnownSchemas implements SchemaRegistry {
  readonly #texts = new Map<number, string>();
  readonly #subjects = new Map<string, number[]>();
  /** Ids asked for, in order. */
  readonly asked: number[] = [];
  silent = false;
  refusing = false;

  put(subject: string, text: string, id: number = this.#texts.size + 1): number {
    this.#texts.set(id, text);
    this.#subjects.set(subject, [...(this.#subjects.get(subject) ?? []), id]);
    return id;
  }

  remove(id: number): void {
    this.#texts.delete(id);
  }

  async schema(id: number): Promise<RegisteredSchema> {
    this.asked.push(id);
    this.#answer();
    const text = this.#texts.get(id);
    return text === undefined ? { kind: "unknown" } : { kind: "avro", json: JSON.parse(text) };
  }

  async idOf(subject: string, text: string): Promise<number | null> {
    this.#answer();
    return this.#subjects.get(subject)?.find((id) => this.#texts.get(id) === text) ?? null;
  }

  async latestId(subject: string): Promise<number | null> {
    this.#answer();
    return this.#subjects.get(subject)?.at(-1) ?? null;
  }

  async register(subject: string, text: string): Promise<number> {
    return (await this.idOf(subject, text)) ?? this.put(subject, text);
  }

  #answer(): void {
    if (this.refusing) throw new BrokerFailure("401", { disposition: "halt", code: "REGISTRY_REFUSED" });
    if (this.silent) throw new BrokerFailure("no answer", { disposition: "retry", code: "REGISTRY_UNREACHABLE" });
  }
}
