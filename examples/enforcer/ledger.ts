// What Holdfast's commands close, account by account, kept in a database file so that a crash forgets
// nothing. Owns the three rules that make an enforcer correct; leaves Kafka to enforcer.ts.
//
//   1 A command id counts once. Whoever repeats it changes nothing and gets an answer again.
//   2 Every case speaks for itself. A scope is closed until the latest expiry among the commands of all cases
//     that are not released: the end of one case never opens what another keeps closed.
//   3 RELEASE takes its case out of the sum for good, also a case never heard of: what comes for it
//     afterwards closes nothing.
//
// In your service these tables stand beside the accounts, and `apply` is one transaction with whatever else
// you change (keys disabled, sessions ended): then it happens once or not at all.

import { DatabaseSync } from "node:sqlite";

export type Status = "APPLIED" | "ALREADY_APPLIED" | "REJECTED" | "EXPIRED";

/** The fields of holdfast.commands.v1.Command that an enforcer reads. Times are epoch milliseconds. */
export interface Command {
  readonly commandId: string;
  readonly caseId: string;
  readonly accountId: string;
  readonly action: string;
  readonly scopes: readonly string[];
  readonly targets: Targets;
  readonly expiresAt: number | null;
}

interface Targets {
  readonly withdrawalIds: readonly string[];
  readonly keyIds: readonly string[];
  readonly sessionIds: readonly string[];
  readonly addresses: readonly string[];
}

/** Something a customer, or somebody in the customer's name, is about to do. */
export interface Operation {
  readonly accountId: string;
  readonly kind: "WITHDRAWAL" | "TRADE" | "CREATE_API_KEY" | "USE_SESSION" | "ADD_ADDRESS";
  /** Of a withdrawal: ON_CHAIN, FIAT, P2P, INTERNAL, GIFT. */
  readonly channel?: string;
  /** WEB, APP, API: whatever comes by API is closed by API_KEYS, too. */
  readonly via?: string;
  readonly withdrawalId?: string;
  readonly keyId?: string;
  readonly sessionId?: string;
  readonly address?: string;
}

/** `step-up`: only with the strongest factor the customer has enrolled, no weaker choice. */
export type Answer = "open" | "step-up" | "closed";

export interface Ledger {
  /** @returns what to acknowledge; null: nothing, the command is somebody else's */
  apply(command: Command, now: number): Status | null;
  ask(operation: Operation, now: number): Answer;
  close(): void;
}

const SCOPES = new Set(["WITHDRAW", "P2P", "TRANSFER", "TRADE", "API_KEYS", "SESSIONS", "ADDRESS_BOOK"]);
const SCOPE_OF_CHANNEL = new Map([
  ["ON_CHAIN", "WITHDRAW"],
  ["FIAT", "WITHDRAW"],
  ["P2P", "P2P"],
  ["INTERNAL", "TRANSFER"],
  ["GIFT", "TRANSFER"],
]);
const SCOPE_OF_KIND = {
  TRADE: "TRADE",
  CREATE_API_KEY: "API_KEYS",
  USE_SESSION: "SESSIONS",
  ADD_ADDRESS: "ADDRESS_BOOK",
} as const;

const TABLES = `
  create table if not exists answered (command_id text primary key, status text not null) strict;
  create table if not exists released (case_id text primary key) strict;
  create table if not exists protection (
    account_id text not null, case_id text not null, action text not null,
    scopes text not null, targets text not null, expires_at integer not null
  ) strict;
  create index if not exists protection_of_account on protection (account_id);
  create index if not exists protection_of_case on protection (case_id);
`;

/** @param file path of the database; `:memory:` forgets everything at the end */
export function openLedger(file: string): Ledger {
  const database = new DatabaseSync(file);
  // A command that was acknowledged must have survived whatever happens next.
  database.exec(`pragma journal_mode = wal; pragma synchronous = full; ${TABLES}`);
  const answered = database.prepare("select status from answered where command_id = ?");
  const remember = database.prepare("insert into answered values (?, ?)");
  const isReleased = database.prepare("select 1 from released where case_id = ?");
  const release = database.prepare("insert or ignore into released values (?)");
  const lift = database.prepare("delete from protection where case_id = ?");
  const protect = database.prepare("insert into protection values (?, ?, ?, ?, ?, ?)");
  const standing = database.prepare("select * from protection where account_id = ? and expires_at > ?");

  /** What becomes of a command whose id is new. */
  function take(command: Command, now: number): Status {
    const { caseId, accountId, action, scopes, targets, expiresAt } = command;
    if (action === "RELEASE") {
      release.run(caseId);
      lift.run(caseId);
      return "APPLIED";
    }
    if (expiresAt === null || scopes.some((scope) => !SCOPES.has(scope))) return "REJECTED";
    if (expiresAt <= now || isReleased.get(caseId) !== undefined) return "EXPIRED";
    protect.run(accountId, caseId, action, JSON.stringify(scopes), JSON.stringify(targets), expiresAt);
    return "APPLIED";
  }

  return {
    apply(command, now) {
      if (command.action === "REVIEW") return null; // for people
      if (!["HOLD", "FREEZE", "STEP_UP", "RELEASE"].includes(command.action)) return "REJECTED";
      const before = answered.get(command.commandId);
      if (before !== undefined)
        return before["status"] === "APPLIED" ? "ALREADY_APPLIED" : (before["status"] as Status);
      database.exec("begin immediate");
      try {
        const status = take(command, now);
        // What this version cannot do the next one may: it is asked again.
        if (status !== "REJECTED") remember.run(command.commandId, status);
        database.exec("commit");
        return status;
      } catch (error) {
        database.exec("rollback");
        throw error;
      }
    },

    ask(operation, now) {
      const closing = standing
        .all(operation.accountId, now)
        .filter(({ scopes, targets }) => concerns(operation, JSON.parse(String(scopes)), JSON.parse(String(targets))));
      if (closing.some(({ action }) => action !== "STEP_UP")) return "closed";
      return closing.length > 0 ? "step-up" : "open";
    },

    close: () => database.close(),
  };
}

/** Any scope of the operation is named and, where the command is narrowed, any of its targets. */
function concerns(operation: Operation, scopes: readonly string[], targets: Targets): boolean {
  if (!scopesOf(operation).some((scope) => scopes.includes(scope))) return false;
  const { withdrawalIds, keyIds, sessionIds, addresses } = targets;
  const lists = [withdrawalIds, keyIds, sessionIds, addresses];
  if (lists.every((list) => list.length === 0)) return true;
  const ids = [operation.withdrawalId, operation.keyId, operation.sessionId, operation.address];
  return ids.some((id, index) => id !== undefined && lists[index]!.includes(id));
}

/** A channel that is not known here is money leaving all the same; a kind that is not, as a mistyped one, may be anything. */
function scopesOf({ kind, channel = "", via }: Operation): string[] {
  if (kind !== "WITHDRAWAL" && !Object.hasOwn(SCOPE_OF_KIND, kind)) return [...SCOPES];
  const scope = kind === "WITHDRAWAL" ? (SCOPE_OF_CHANNEL.get(channel) ?? "WITHDRAW") : SCOPE_OF_KIND[kind];
  return via === "API" ? [scope, "API_KEYS"] : [scope];
}
