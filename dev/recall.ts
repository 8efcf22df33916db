// Measures the shipped rules on simulated exchanges: how many takeovers are recognised before the money
// leaves, and what honest customers meet.
//
//   npm run recall -- --seeds 1000 [--first 0] [--rules rules] [--json FILE]
//   npm run recall -- --campaigns 100
//
// One seed is one exchange of 300 customers over two hours: each takeover and each near miss once, the rest
// routine; or one campaign of forty accounts for each thing that may be shared, without the policies. Exit code
// 1 when a takeover got away or an honest customer was frozen, or held by a campaign's rule without a reason.

import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { readRules } from "../src/adapters/rule-files.ts";
import { HOUR } from "../src/core/time.ts";
import { formatProblem } from "../src/sigma/problem.ts";
import { campaignTable, judgeCampaigns } from "../src/testing/exchange/campaign-tally.ts";
import type { ExchangeOptions } from "../src/testing/exchange/exchange.ts";
import { REAL_LIFE, makeExchange } from "../src/testing/exchange/exchange.ts";
import { EVERYTHING } from "../src/testing/exchange/repertoire.ts";
import { makeTally } from "../src/testing/exchange/tally.ts";
import { judgeExchange } from "../src/testing/exchange/verdict.ts";
import { atLeastOne, whole } from "./options.ts";

const EXCHANGE: Omit<ExchangeOptions, "seed"> = {
  ...REAL_LIFE,
  accounts: 300,
  takeovers: EVERYTHING.takeovers.length,
  oddities: 1,
  rate: 0.15,
  from: Date.UTC(2024, 5, 9, 12),
  length: 2 * HOUR,
  repertoire: EVERYTHING,
};

const options = new Command("npm run recall --")
  .description("The shipped rules on simulated exchanges: takeovers stopped, and what honest customers meet.")
  .option("--seeds <number>", "exchanges", atLeastOne, 100)
  .option("--first <number>", "seed", whole, 0)
  .option("--rules <directory>", "the rules to measure", "rules")
  .option("--json <file>", "writes the numbers there, too")
  .option("--campaigns <number>", "campaigns instead, as many for each thing that may be shared", atLeastOne)
  .parse()
  .opts<{
    readonly seeds: number;
    readonly first: number;
    readonly rules: string;
    readonly json?: string;
    readonly campaigns?: number;
  }>();
const loaded = await readRules(options.rules);
if (loaded.rules === null) throw new Error(loaded.problems.map(formatProblem).join("\n"));
const { rules } = loaded;
const known = [...rules.detections, ...rules.correlations].filter(({ respond }) => respond.length > 0);
const ids = new Map(known.map(({ name, id }) => [name ?? id, id]));
const tally = makeTally(ids);
const { first, seeds } = options;
if (options.campaigns !== undefined) {
  const judged = judgeCampaigns(rules, { first, seeds: options.campaigns, from: EXCHANGE.from });
  console.log(campaignTable(judged));
  process.exit(
    judged.every(({ victims, held, first, unreasoned }) => held + first === victims && unreasoned === 0) ? 0 : 1,
  );
}
for (let seed = first; seed < first + seeds; seed++) {
  tally.add(seed, judgeExchange(makeExchange({ ...EXCHANGE, seed }), { rules, ids }));
  if ((seed - first + 1) % 50 === 0) console.error(`${seed - first + 1} of ${seeds} seeds`);
}
const summary = tally.summary();
console.log(tally.table());
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(summary, null, 2)}\n`);
process.exitCode = summary.caught === summary.takeovers && summary.honest.frozen === 0 ? 0 : 1;
