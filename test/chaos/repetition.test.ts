// What may and what must be said again, and every way in which a run can get it wrong.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { judgeAnswers } from "./repetition.ts";
import type { Answer, Answering, Asked } from "./repetition.ts";
import type { SaidCommand } from "./judged.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const TIMEOUT_MS = 20_000;

const command: SaidCommand = {
  caseId: "a/chaos_policy/e1",
  commandId: "a/chaos_policy/e1/e1/0",
  accountId: "a",
  action: "HOLD",
  scopes: ["WITHDRAW"],
  ruleId: "chaos_policy",
  issuedAt: NOW,
  expiresAt: NOW + 86_400_000,
  content: "as it was",
  appendedAt: NOW,
};

const said = (...seconds: number[]): SaidCommand[] =>
  seconds.map((second) => ({ ...command, appendedAt: NOW + second * 1_000 }));
const answered = (second: number, status = "APPLIED"): Answer => ({
  commandId: command.commandId,
  status,
  appendedAt: NOW + second * 1_000,
});
const fault = (from: number, to: number): { kind: string; from: number; to: number } => ({
  kind: "x",
  from: NOW + from * 1_000,
  to: NOW + to * 1_000,
});

function judged(given: Partial<Asked>): Answering {
  return judgeAnswers({
    said: said(0),
    answers: [],
    decisions: [],
    disturbances: [],
    timeoutMs: TIMEOUT_MS,
    endedAt: NOW + 1_000_000,
    sinceOf: () => NOW,
    boundOf: (due) => due + 15_000,
    ...given,
  });
}

const decision = { decisionId: "d", accountId: "a", caseId: command.caseId, decidedAt: NOW };

const RIGHT: readonly (readonly [what: string, given: Partial<Asked>])[] = [
  ["answered, and said once", { answers: [answered(1)] }],
  ["said twice by a send whose answer was lost", { said: said(0, 4), answers: [answered(1), answered(5)] }],
  ["answered by nobody, and said once more", { said: said(0, 20) }],
  [
    "rejected, and said again at once",
    { said: said(0, 2), answers: [answered(1, "REJECTED"), answered(3, "REJECTED")] },
  ],
  ["answered late, repeated or not", { said: said(0, 20), answers: [answered(26)] }],
  ["decided on before it was due", { decisions: [decision] }],
  ["not due before the end", { endedAt: NOW + 40_000 }],
  ["a review, which nobody answers", { said: [{ ...command, action: "REVIEW" }] }],
  [
    "answered, and said again by a send that brokers held back for long",
    { said: said(0, 70), answers: [answered(1)], disturbances: [fault(0.5, 65)] },
  ],
  ["repeated by an owner and by its successor", { said: said(0, 20, 36), disturbances: [fault(21, 24)] }],
];

for (const [what, given] of RIGHT) {
  test(`${what}: nothing is found`, () => assert.deepEqual(judged(given).findings, []));
}

const WRONG: readonly (readonly [what: string, given: Partial<Asked>, says: RegExp])[] = [
  ["answered by nobody, and never said again", {}, /^unrepeated/u],
  ["rejected, and never said again", { answers: [answered(1, "REJECTED")] }, /^unrepeated/u],
  ["repeated too late", { said: said(0, 36) }, /^late/u],
  ["answered, and repeated all the same", { said: said(0, 20), answers: [answered(1)] }, /^repeated: .* was answered/u],
  ["said a third time", { said: said(0, 20, 40) }, /^repeated: .* 3 times/u],
  [
    "said a fourth time, whatever happened",
    { said: said(0, 20, 36, 52), disturbances: [fault(21, 24), fault(40, 43)] },
    /^repeated: .* 4 times/u,
  ],
  [
    "repeated as something else",
    { said: [...said(0), { ...said(20)[0]!, content: "x" }] },
    /^altered: .* to the byte/u,
  ],
];

for (const [what, given, says] of WRONG) {
  test(`${what}: it is found`, () => assert.match(judged(given).findings.join("\n"), says));
}

test("it counts what was answered and what was said again", () => {
  const { answered: inTime, unanswered, repeatedAgain } = judged({ said: said(0), answers: [answered(1)] });
  assert.deepEqual([inTime, unanswered, repeatedAgain], [1, 0, 0]);
  const late = judged({ said: said(0, 20, 36), disturbances: [fault(21, 24)] });
  assert.deepEqual([late.answered, late.unanswered, late.repeatedAgain], [0, 1, 1]);
});
