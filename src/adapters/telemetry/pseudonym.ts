// Account ids in logs: a keyed pseudonym, so that lines of one account can be found together but not
// turned back into the account without the key.

import { createHmac, randomBytes } from "node:crypto";

export type Pseudonymise = (accountId: string) => string;

/** Without a key a random one serves for the life of the process. */
export function pseudonymiser(key: string | undefined): Pseudonymise {
  const secret = key ?? randomBytes(32);
  return (accountId) => `acct_${createHmac("sha256", secret).update(accountId).digest("base64url").slice(0, 16)}`;
}

/** A case id, or what begins with one, with a pseudonym for the account: its first part, percent-encoded. */
export function pseudonymousCase(caseId: string, pseudonymise: Pseudonymise): string {
  const [account = "", ...rest] = caseId.split("/");
  return [pseudonymise(decoded(account)), ...rest].join("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // of no case: a pseudonym all the same
  }
}
