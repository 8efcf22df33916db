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
import { parseArgs } from "node:util";
import { readRules } from "../src/adapters/rule-files.ts";
import { HOUR } from "../src/core/time.ts";
import { formatProblem } from "../src/sigma/problem.ts";
import { campaignTable, judgeCampaigns } from "../src/testing/exchange/campaign-tally.ts";
import type { ExchangeOptions } from "../src/testing/exchange/exchange.ts";
import { REAL_LIFE, makeExchange } from "../src/testing/exchange/exchange.ts";
import { EVERYTHING } from "../src/testing/exchange/repertoire.ts";
import { makeTally } from "../src/testing/exchange/tally.ts";
import { judgeExchange } from "../src/testing/exchange/verdict.ts";

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

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "0" },
    rules: { type: "string", default: "rules" },
    json: { type: "string" },
    campaigns: { type: "string" },
  },
});
const loaded = await readRules(values.rules);
if (loaded.rules === null) throw new Error(loaded.problems.map(formatProblem).join("\n"));
const { rules } = loaded;
const known = [...rules.detections, ...rules.correlations].filter(({ respond }) => respond.length > 0);
const ids = new Map(known.map(({ name, id }) => [name ?? id, id]));
const tally = makeTally(ids);
const first = Number(values.first);
if (values.campaigns !== undefined) {
  const judged = judgeCampaigns(rules, { first, seeds: Number(values.campaigns), from: EXCHANGE.from });
  console.log(campaignTable(judged));
  process.exit(
    judged.every(({ victims, held, first, unreasoned }) => held + first === victims && unreasoned === 0) ? 0 : 1,
  );
}
const seeds = Number(values.seeds);
for (let seed = first; seed < first + seeds; seed++) {
  tally.add(seed, judgeExchange(makeExchange({ ...EXCHANGE, seed }), { rules, ids }));
  if ((seed - first + 1) % 50 === 0) console.error(`${seed - first + 1} of ${seeds} seeds`);
}
const summary = tally.summary();
console.log(tally.table());
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(summary, null, 2)}\n`);
process.exitCode = summary.caught === summary.takeovers && summary.honest.frozen === 0 ? 0 : 1;
