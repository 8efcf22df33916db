// Which topics a task reads and writes, by role. Names are configuration; roles are the contract.

import type { Service } from "../core/event.ts";

export interface InputTopic {
  readonly topic: string;
  readonly service: Service;
  /** Others do not wait for it while catching up: it may be slow or silent without slowing them. */
  readonly optional?: boolean;
}

export interface Topics {
  readonly inputs: readonly InputTopic[];
  readonly commands: string;
  readonly detections: string;
  readonly state: string;
  readonly deadLetter: string;
}

/** The topics whose partition p is task p: what the group subscribes to. */
export function coPartitioned(topics: Topics): string[] {
  return [...topics.inputs.map(({ topic }) => topic), topics.commands, topics.state];
}
