// Which topics a task reads and writes, by role. Names are configuration; roles are the contract.

import type { Service } from "../core/event.ts";

export interface Topics {
  readonly inputs: readonly { readonly topic: string; readonly service: Service }[];
  readonly commands: string;
  readonly detections: string;
  readonly state: string;
  readonly deadLetter: string;
}

/** The topics whose partition p is task p: what the group subscribes to. */
export function coPartitioned(topics: Topics): string[] {
  return [...topics.inputs.map(({ topic }) => topic), topics.commands, topics.state];
}
