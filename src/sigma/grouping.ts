// What a correlation may group by. Groups that are no accounts are heard of in another partition than the
// account lives in, so that what can be said of them is less: they command nothing, feed no rule about accounts
// but through the links they send back, and read no links themselves, or a rule could feed itself.

import type { CheckedRule, CorrelationDocument } from "./document.ts";
import type { LinkedInput } from "./references.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";

/** One correlation with its references resolved. */
export interface GroupedRule {
  readonly document: CorrelationDocument;
  readonly inputs: readonly LinkedInput[];
  /** For each input: some event that ends a match of it is a link. */
  readonly readsLinks: readonly boolean[];
}

/** Judges correlations in the order of their inputs. */
export class Grouping {
  readonly #shared = new Set<CheckedRule>();

  check(rule: GroupedRule, findings: Findings): void {
    const { document, inputs } = rule;
    if (inputs.every(({ groupFields }) => groupFields.length === 1 && groupFields[0] === "accountId")) {
      return this.#refuseSharedInputs(rule, findings);
    }
    this.#shared.add(document);
    if (document.respondAt !== null) {
      findings.refuse(
        document.respondAt,
        "a response of a rule whose groups are not accounts",
        `remove it, and respond in a rule grouped by accountId over service: signal, linkRule: ${calledAs(document)}`,
      );
    }
    rule.readsLinks.forEach((reads, index) => {
      if (!reads) return;
      const written = document.rules[index]!;
      findings.refuse(
        written.at,
        `the rule ${quote(written.text)}, which reads links, in a rule that makes links: it could feed itself`,
        "write group-by: [accountId]",
      );
    });
  }

  #refuseSharedInputs({ document, inputs }: GroupedRule, findings: Findings): void {
    inputs.forEach((input, index) => {
      if (!this.#shared.has(input.document)) return;
      const written = document.rules[index]!;
      findings.refuse(
        written.at,
        `the rule ${quote(written.text)}, whose groups are not accounts`,
        `name a detection of service: signal with linkRule: ${calledAs(input.document)}`,
      );
    });
  }
}

/** What `linkRule` of its links says. */
function calledAs({ name, identity }: CheckedRule): string {
  return name ?? identity;
}
