// What the core makes of one account's events in every order that their topics allow: each topic keeps its own
// order, between topics any is possible. Each order is told as an account of its own to one partition, since
// accounts do not depend on each other.

import type { ExchangeEvent, Service } from "../../core/event.ts";
import { DRIVER_SETTINGS, DRIVER_TOPICS, serviceOf } from "../processor-driver.ts";
import type { WorldParts } from "./faulty-world.ts";
import { distinct, protectionOf } from "./outcome.ts";
import type { Scenario } from "./scenario.ts";

/** More than these are not tried. */
const MOST_ORDERS = 3_000;

interface Told {
  readonly event: ExchangeEvent;
  readonly service: Service;
  readonly timestamp: number;
}

export interface OrderedProtections {
  /** `account rule ACTION` in every order. */
  readonly always: readonly string[];
  /** … in some order. */
  readonly ever: readonly string[];
}

/** null: too many orders. */
export function protectionsOfOrders(scenario: Scenario, account: string, parts: WorldParts): OrderedProtections | null {
  const told = scenario.postings.flatMap(({ accountId, timestamp, content }): Told[] =>
    accountId === account && "event" in content
      ? [{ event: content.event, service: serviceOf(content.event.type), timestamp }]
      : [],
  );
  const streams = DRIVER_TOPICS.inputs.map(({ service }) => told.filter((each) => each.service === service));
  const orders = interleavings(streams, MOST_ORDERS);
  if (orders === null) return null;
  const found = orders.map(() => new Set<string>());
  const partition = parts.openPartition({
    rules: parts.rules,
    settings: DRIVER_SETTINGS,
    codec: parts.stateCodec,
    services: ["all"],
    emit: ({ commands }) => {
      for (const command of commands) {
        const [accountId, order] = command.accountId.split("~") as [string, string];
        found[Number(order)]!.add(protectionOf({ ...command, accountId }));
      }
    },
  });
  for (const [index, order] of orders.entries()) {
    for (const [offset, { event, service, timestamp }] of order.entries()) {
      const arrival = { service, topic: service, partition: 0, offset, recordTimestamp: timestamp };
      partition.apply(arrival, { ...event, accountId: `${account}~${index}` }, timestamp);
    }
  }
  const ever = distinct(found.flatMap((each) => [...each]));
  return { ever, always: ever.filter((each) => found.every((order) => order.has(each))) };
}

/** All ways to go through the streams, each in its own order; null: more than `most`. */
export function interleavings<T>(streams: readonly (readonly T[])[], most: number): T[][] | null {
  const orders: T[][] = [];
  const positions = streams.map(() => 0);
  const order: T[] = [];
  const next = (): boolean => {
    let ended = true;
    for (const [index, stream] of streams.entries()) {
      const each = stream[positions[index]!];
      if (each === undefined) continue;
      ended = false;
      positions[index]! += 1;
      order.push(each);
      const within = next();
      order.pop();
      positions[index]! -= 1;
      if (!within) return false;
    }
    if (ended) orders.push([...order]);
    return orders.length <= most;
  };
  return next() ? orders : null;
}
