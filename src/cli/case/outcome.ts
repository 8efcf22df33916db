// What comes of a decision: the commands that Holdfast says because of it, and the enforcing service's answers;
// of one on a breaker's opening, that it is closed. Owns hearing them from before the decision is written until
// they are there, or the patience ends.

import { readTopic } from "../../adapters/kafka/reader.ts";
import type { ReadRecord, TopicReader } from "../../adapters/kafka/reader.ts";
import { RecordDecoder, Undecodable } from "../../adapters/record-decoder.ts";
import type { Ack, Decision } from "../../core/decision.ts";
import type { Command, Detection } from "../../core/output.ts";
import { encodePart } from "../../core/response.ts";
import type { Duration } from "../../core/time.ts";
import type { Cluster } from "./account-records.ts";
import { partitionOf } from "./account-records.ts";
import { span } from "./wording.ts";

export interface Outcome {
  /** Resolves when everything is done, or `patience` is over. */
  within(patience: Duration): Promise<{ readonly acted: boolean; readonly lines: readonly string[] }>;
  stop(): void;
}

/** @param caseIds cases of which a command is expected. Hears from when it resolves on. */
export async function followOutcome(
  cluster: Cluster,
  decision: Decision,
  caseIds: readonly string[],
): Promise<Outcome> {
  const { registry, schemas, topics } = cluster;
  const commands = new Map<string, Command>();
  const acks = new Map<string, Ack>();
  const waiting = makeWaiting(cluster.signal);

  const hear = async <T>(topic: string, decoder: RecordDecoder<T>, take: (value: T) => void): Promise<TopicReader> => {
    const key = Buffer.from(decision.accountId);
    const partition = await partitionOf(cluster, topic, key);
    const onRecord = (record: ReadRecord): void => {
      if (record.key === null || !record.key.equals(key)) return;
      decoder.decode(record.value).then(
        (value) => {
          take(value);
          waiting.look();
        },
        (error: unknown) => error instanceof Undecodable || waiting.fail(error),
      );
    };
    const reader = await readTopic({ client: cluster.client, topic, from: "end", partitions: [partition] }, onRecord);
    reader.done.catch(waiting.fail);
    return reader;
  };
  /** `<caseId>/release/<decisionId>`, and for each thing that is prolonged `<caseId>/extend/<decisionId>…`. */
  const isCalledFor = ({ commandId, caseId }: Command): boolean => {
    const [kind, decisionId] = commandId.slice(caseId.length + 1).split("/");
    return (kind === "release" || kind === "extend") && decisionId === encodePart(decision.decisionId);
  };
  const readers = await Promise.all([
    hear(topics.commands, new RecordDecoder<Command>(registry, schemas.command), (command) => {
      if (isCalledFor(command)) commands.set(command.commandId, command);
    }),
    hear(topics.acks, new RecordDecoder<Ack>(registry, schemas.ack), (ack) => acks.set(ack.commandId, ack)),
  ]);

  const saidOf = (caseId: string): Command[] => [...commands.values()].filter((command) => command.caseId === caseId);
  const answersOf = (caseId: string): (Ack | undefined)[] => saidOf(caseId).map(({ commandId }) => acks.get(commandId));
  const isAnswered = (caseId: string): boolean => {
    const answers = answersOf(caseId);
    return answers.length > 0 && answers.every((ack) => ack !== undefined);
  };
  return {
    async within(patience) {
      const waited = await waiting.until(() => caseIds.every(isAnswered), patience);
      const lines = caseIds.map((caseId) =>
        describe(caseId, { command: saidOf(caseId)[0], acks: answersOf(caseId), waited }),
      );
      const isRejected = (caseId: string): boolean => answersOf(caseId).some((ack) => ack?.status === "REJECTED");
      return { acted: caseIds.every((caseId) => isAnswered(caseId) && !isRejected(caseId)), lines };
    },
    stop() {
      for (const reader of readers) reader.stop();
    },
  };
}

/** @param caseId a breaker's opening. Hears from when it resolves on. */
export async function followClosing(cluster: Cluster, caseId: string): Promise<Outcome> {
  const { client, registry, schemas, topics } = cluster;
  const decoder = new RecordDecoder<Detection>(registry, schemas.detection);
  const waiting = makeWaiting(cluster.signal);
  let isClosed = false;
  const take = (detection: Detection): void => {
    isClosed ||= detection.caseId === caseId && detection.kind === "BREAKER_CLOSED";
    waiting.look();
  };
  const reader = await readTopic({ client, topic: topics.detections, from: "end" }, ({ value }) => {
    decoder.decode(value).then(take, (error: unknown) => error instanceof Undecodable || waiting.fail(error));
  });
  reader.done.catch(waiting.fail);
  return {
    async within(patience) {
      const waited = await waiting.until(() => isClosed, patience);
      const line = isClosed
        ? `the breaker is closed, within ${waited}: its rule acts as written again`
        : `Holdfast has not closed the breaker within ${waited}: the decision stands and is carried out when it runs; is it running?`;
      return { acted: isClosed, lines: [line] };
    },
    stop: () => reader.stop(),
  };
}

interface Waiting {
  /** Something came: the condition may hold now. */
  look(): void;
  readonly fail: (why: unknown) => void;
  /** Resolves when the condition holds, or the patience is over. @returns how long that took, in words */
  until(condition: () => boolean, patience: Duration): Promise<string>;
}

function makeWaiting(signal: AbortSignal): Waiting {
  const { promise: failure, reject: fail } = Promise.withResolvers<never>();
  failure.catch(() => {});
  let heard = Promise.withResolvers<void>();
  return {
    look: () => heard.resolve(),
    fail,
    async until(condition, patience) {
      const started = Date.now();
      const over = AbortSignal.any([AbortSignal.timeout(patience), signal]);
      const ended = new Promise<void>((resolve) => over.addEventListener("abort", () => resolve(), { once: true }));
      while (!over.aborted && !condition()) {
        await Promise.race([heard.promise, ended, failure]);
        heard = Promise.withResolvers();
      }
      return span(Date.now() - started);
    },
  };
}

function describe(
  caseId: string,
  of: {
    readonly command: Command | undefined;
    /** One for each command; undefined: none yet. */
    readonly acks: readonly (Ack | undefined)[];
    readonly waited: string;
  },
): string {
  const { command, acks, waited } = of;
  if (command === undefined) {
    return `Holdfast has said nothing of ${caseId} within ${waited}: the decision stands and is carried out when it runs; is it running?`;
  }
  const what = command.action === "RELEASE" ? `RELEASE of ${caseId}` : `${command.action} of ${caseId}, extended,`;
  const ack = acks.find((each) => each === undefined || each.status === "REJECTED") ?? acks[0];
  if (acks.includes(undefined) || ack === undefined) {
    return `${what} was said, but no enforcing service has acknowledged it within ${waited}: the account may be as it was`;
  }
  return `${what.replace(/,$/u, "")}: ${ack.status.toLowerCase().replace("_", " ")} by ${ack.service}, within ${waited}`;
}
