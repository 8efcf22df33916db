// Which topics a task reads and writes, by role. Names are configuration; roles are the contract.

import type { ExchangeService, Service } from "../core/event.ts";

/** A topic of the exchange. */
export interface InputTopic {
  readonly topic: string;
  readonly service: ExchangeService;
  /** Others do not wait for it while catching up: it may be slow or silent without slowing them. */
  readonly optional?: boolean;
}

export interface Topics {
  readonly inputs: readonly InputTopic[];
  /** What people say of cases. */
  readonly decisions: string;
  /** What enforcing services answer to commands. */
  readonly acks: string;
  /** Facts grouped by something else than the account, and links sent back to accounts. */
  readonly signals: string;
  readonly commands: string;
  readonly detections: string;
  readonly state: string;
  readonly deadLetter: string;
}

/** What the records of a topic that is read are: events of a service, decisions, acks. */
export type InputKind = Service | "decision" | "ack";

/** A topic that a task reads to its end: queued, part of the checkpoint's positions, paused when full. */
export interface ReadTopic {
  readonly topic: string;
  readonly kind: InputKind;
  readonly optional: boolean;
}

/** The exchange's topics, then Holdfast's own, which no other waits for. */
export function readTopics(topics: Topics): readonly ReadTopic[] {
  return [
    ...topics.inputs.map(({ topic, service, optional = false }) => ({ topic, kind: service, optional })),
    { topic: topics.signals, kind: "signal", optional: true },
    { topic: topics.decisions, kind: "decision", optional: true },
    { topic: topics.acks, kind: "ack", optional: true },
  ];
}

/** The services whose events move the task's frontier. */
export function servicesRead(topics: Topics): readonly Service[] {
  return [...topics.inputs.map(({ service }) => service), "signal"];
}

/** The topics whose partition p is task p: what the group subscribes to. */
export function coPartitioned(topics: Topics): string[] {
  return [...readTopics(topics).map(({ topic }) => topic), topics.commands, topics.state];
}
