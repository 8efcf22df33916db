// Where in the topics a time lies: the stretch of each partition of the inputs and of the decisions. Owns
// what can be said before anything is read: topics that do not fit each other, and time that retention has
// already taken.

import type { Stretch } from "../../adapters/kafka/stretch-reader.ts";
import type { Instant } from "../../core/time.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import type { Logs } from "../../runtime/ports.ts";
import type { Topics } from "../../runtime/topics.ts";

export interface Stretches {
  /** Of each input topic and of the decisions. */
  readonly partitions: number;
  /** Inputs first, as configured: at equal times an event comes before a decision on it. */
  readonly stretches: readonly Stretch[];
  /** Topics whose retention has taken some of the time asked for. */
  readonly cut: readonly string[];
}

/**
 * By record timestamps; decisions to the end of their log, for verdicts come later than what they judge.
 * @throws BrokerFailure
 */
export async function findStretches(
  logs: Logs,
  topics: Topics,
  { from, to }: { readonly from: Instant; readonly to: Instant },
): Promise<Stretches> {
  const inputs = topics.inputs.map(({ topic }) => topic);
  const counts = await logs.partitionCounts([...inputs, topics.decisions]);
  const partitions = counts.get(inputs[0]!) ?? 0;
  if (partitions === 0 || [...counts.values()].some((count) => count !== partitions)) {
    const found = Array.from(counts, ([topic, count]) => `${topic} ${count}`).join(", ");
    throw new BrokerFailure(`the topics must exist and have the same number of partitions; they have: ${found}`, {
      disposition: "halt",
      code: "INVALID_PARTITIONS",
    });
  }
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const pairs = [...inputs, topics.decisions].flatMap((topic) => numbers.map((partition) => ({ topic, partition })));
  const [ranges, firsts, lasts] = [
    await logs.ranges(pairs),
    await logs.offsetsAt(pairs, from),
    await logs.offsetsAt(pairs, to),
  ];
  const cut = new Set<string>();
  const stretches = pairs.map(({ topic, partition }, index) => {
    const { start, end } = ranges[index]!;
    const first = Math.max(start, firsts[index]!);
    if (start > 0 && first === start) cut.add(topic);
    return { topic, partition, from: first, to: topic === topics.decisions ? end : Math.min(end, lasts[index]!) };
  });
  return { partitions, stretches, cut: [...cut] };
}
