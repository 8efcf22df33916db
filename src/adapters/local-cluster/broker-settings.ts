// What a local broker is told, the same for Java and containers: KRaft with broker and controller in one
// process, no topic made by accident, groups that form at once, internal topics small enough for a laptop.

export interface BrokerPlace {
  readonly index: number;
  readonly count: number;
  /** Where it listens: the client's listener is called CLIENT, the controllers' CONTROLLER. */
  readonly listeners: string;
  readonly advertised: string;
  /** The listener that brokers use among themselves. */
  readonly between: string;
  /** host:port of every controller, by index. */
  readonly controllers: readonly string[];
  /** Further listeners, by name: where each listens, and what it tells its clients to connect to. */
  readonly fronts?: readonly Front[];
}

export interface Front {
  readonly name: string;
  readonly listens: string;
  readonly advertised: string;
}

/** Kafka's own setting names. */
export function brokerSettings(place: BrokerPlace): Record<string, string> {
  const replicas = String(place.count);
  const inSync = String(Math.max(1, place.count - 1));
  const fronts = place.fronts ?? [];
  const all = (first: string, others: readonly string[]): string => [first, ...others].join(",");
  return {
    "process.roles": "broker,controller",
    "node.id": String(place.index),
    listeners: all(
      place.listeners,
      fronts.map(({ name, listens }) => `${name}://${listens}`),
    ),
    "advertised.listeners": all(
      place.advertised,
      fronts.map(({ name, advertised }) => `${name}://${advertised}`),
    ),
    "listener.security.protocol.map": all(
      "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT",
      fronts.map(({ name }) => `${name}:PLAINTEXT`),
    ),
    "inter.broker.listener.name": place.between,
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": place.controllers.map((address, voter) => `${voter}@${address}`).join(","),
    "auto.create.topics.enable": "false",
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    // The default, 128 MB, is a third of the heap it gets here.
    "log.cleaner.dedupe.buffer.size": "8388608",
  };
}

/** Any valid id does: the data directory is new each time. */
export const clusterId = "aG9sZGZhc3QtbG9jYWwtMQ";

export function asProperties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** As the official image reads them. */
export function asEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll(".", "_")}`, value]),
  );
}
