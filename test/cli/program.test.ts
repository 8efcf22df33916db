import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cluster } from "../cluster.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const kafka = cluster();
const RULES = fileURLToPath(new URL("../../rules", import.meta.url));
const DEADLINE_MS = 20_000;

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ exitCode: number | null; stdout: string; stderr: string }>;
  /** Resolves when stderr holds `text`. */
  said(text: string): Promise<void>;
}

/** A real process, with these settings alone; `preload` is code run before main.ts. */
function start(args: readonly string[], options: { env?: Record<string, string>; preload?: string } = {}): Started {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HOLDFAST_")));
  const preload =
    options.preload === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(options.preload)}`];
  const child = spawn(process.execPath, [...preload, MAIN, ...args], {
    env: { ...env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (stdout += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  const ended = new Promise<{ exitCode: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr })),
  );
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => void (stderr.includes(text) && resolve());
      child.stderr.on("data", look);
      child.on("close", () => reject(new Error(`ended without "${text}": ${stderr}`)));
      look();
    });
  return { child, ended, said };
}

/** An operations port that takes requests; `asked` resolves at the first. Without an answer it stays silent. */
async function port(answer?: object): Promise<{ server: Server; args: string[]; asked: Promise<void> }> {
  let server!: Server;
  const asked = new Promise<void>((resolve) => {
    server = createServer((_request, response) => {
      resolve();
      if (answer !== undefined) response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, args: ["--http-port", String((server.address() as AddressInfo).port)], asked };
}

function stop(server: Server): void {
  server.closeAllConnections();
  server.close();
}

interface Refusal {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly stderr: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    args: ["rum"],
    stderr:
      'holdfast cannot start:\n  "rum" is no command; did you mean run?\n`holdfast --help` shows what it takes.\n',
  },
  {
    args: ["topics", "crate"],
    stderr:
      'holdfast topics cannot start:\n  "crate" is no command; did you mean create?\n`holdfast topics --help` shows what it takes.\n',
  },
  {
    args: ["run", "--kafka-brokrs", "a:1", "--http-port=99999"],
    env: { HOLDFAST_GROUPID: "g", HOLDFAST_MODE: "enforced", HOLDFAST_KAFKA_BROKERS: "kafka:9092" },
    stderr: `holdfast run cannot start (6 problems):
  --kafka-brokrs is no flag of this command; did you mean --kafka-brokers?
  HOLDFAST_GROUPID is no setting; did you mean HOLDFAST_GROUP_ID?
  HOLDFAST_REGISTRY_URL (or --registry-url) is not set: an http or https URL
  HOLDFAST_MODE must be one of observe, step-up, enforce; got "enforced"
  --http-port must be a whole number from 0 to 65535; got "99999"
  HOLDFAST_KAFKA_BROKERS: kafka:9092 would be spoken to in plain text; set HOLDFAST_KAFKA_SSL=true, or HOLDFAST_INSECURE=true if the network is trusted
\`holdfast run --help\` shows what it takes.
`,
  },
  {
    args: ["status", "now", "--jsn"],
    stderr: `holdfast status cannot start (2 problems):
  --jsn is no flag of this command; did you mean --json?
  "now" is one argument too many
\`holdfast status --help\` shows what it takes.
`,
  },
];
for (const { args, env, stderr } of REFUSALS) {
  test(`holdfast ${args.join(" ")} is refused with everything that is wrong`, async () => {
    const ended = await start(args, env === undefined ? {} : { env }).ended;
    assert.equal(ended.stderr, stderr);
    assert.equal(ended.exitCode, 2);
    assert.equal(ended.stdout, "");
  });
}

test("--version and --help answer on stdout with exit code 0", async () => {
  const [version, help, runHelp] = await Promise.all([
    start(["--version"]).ended,
    start(["--help"]).ended,
    start(["run", "--help"]).ended,
  ]);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match(help.stdout, /^ {2}run .*\n(?:.*\n)* {2}topics /m);
  assert.match(runHelp.stdout, /--kafka-brokers <host:port,…> .*\(required;\s+HOLDFAST_KAFKA_BROKERS\)/);
  assert.doesNotMatch(runHelp.stdout, /--partitions/);
  assert.deepEqual([version.exitCode, help.exitCode, runHelp.exitCode], [0, 0, 0]);
});

test("while brokers and registry do not answer, probes and metrics do: alive, not started, and why", async () => {
  const env = {
    HOLDFAST_KAFKA_BROKERS: "127.0.0.1:1",
    HOLDFAST_REGISTRY_URL: "http://127.0.0.1:1",
    HOLDFAST_HTTP_PORT: "0",
  };
  const { child, ended } = start(["run", "--rules", RULES], { env });
  let log = "";
  await new Promise<void>((resolve) =>
    child.stdout!.on("data", (part: string) => (log += part).includes('"registry.failed"') && resolve()),
  );
  const url = /"url":"([^"]+)"/u.exec(log)![1]!;
  const [live, started, ready, metrics] = await Promise.all(
    ["livez", "startupz", "readyz", "metrics"].map(async (path) => {
      const answer = await fetch(`${url}/${path}`);
      return { code: answer.status, text: await answer.text() };
    }),
  );
  const waits = { code: 503, text: "brokers and registry are being asked\n" };
  assert.deepEqual([live, started, ready], [{ code: 200, text: "ok\n" }, waits, waits]);
  assert.match(metrics!.text, /^holdfast_registry_requests_total\{result="unreachable"\} [1-9]/mu);
  child.kill("SIGTERM");
  assert.equal((await ended).exitCode, 1);
});

test("a port that is taken is said among everything else that is wrong", { skip: kafka.skip }, async (t) => {
  const { server, args } = await port();
  t.after(() => stop(server));
  const { brokers, registryUrl } = kafka;
  const env = {
    HOLDFAST_KAFKA_BROKERS: brokers.join(","),
    HOLDFAST_REGISTRY_URL: registryUrl,
    HOLDFAST_TOPIC_PREFIX: kafka.prefix,
  };
  const { stderr, exitCode } = await start(["run", "--rules", "/nowhere", ...args], { env }).ended;
  assert.match(stderr, /^holdfast cannot start \(\d+ problems\):$/mu);
  for (const wrong of [/nowhere/u, /^ +operations port \S+ is taken/mu, /holdfast\.state does not exist/u]) {
    assert.match(stderr, wrong);
  }
  assert.equal(exitCode, 1);
});

test("status shows values and tables, or the answer as it is", async (t) => {
  const answer = {
    state: "assigned",
    rules: { count: 5 },
    tasks: [
      {
        task: 0,
        checkpoint: null,
        inputs: [
          { topic: "a", lag: 5 },
          { topic: "b", lag: 12 },
        ],
      },
      { task: 11, checkpoint: 7, inputs: [{ topic: "a", lag: 0 }] },
    ],
  };
  const { server, args } = await port(answer);
  t.after(() => stop(server));
  const [shown, json] = await Promise.all([
    start(["status", ...args]).ended,
    start(["status", "--json", ...args]).ended,
  ]);
  const table = `task  checkpoint  inputs.topic  inputs.lag
0     -           a             5
                  b             12
11    7           a             0
`;
  assert.equal(shown.stdout, `state        assigned\nrules.count  5\n\ntasks\n${table}`);
  assert.deepEqual(JSON.parse(json.stdout), answer);
});

test("status of nobody says where it asked", async () => {
  const { server, args } = await port();
  stop(server);
  const ended = await start(["status", ...args]).ended;
  assert.match(ended.stderr, /^no status from http:\/\/127\.0\.0\.1:\d+\/status: connect ECONNREFUSED/);
  assert.equal(ended.exitCode, 1);
});

test("the first signal asks the command to stop, the second ends the process at once (P1)", async (t) => {
  const { server, args, asked } = await port();
  t.after(() => stop(server));
  const { child, ended, said } = start(["status", ...args], { preload: "setInterval(() => {}, 1000)" });
  await asked;
  child.kill("SIGTERM");
  await said("no status");
  child.kill("SIGTERM");
  assert.equal((await ended).exitCode, 143);
});

test("what nobody caught is one clear line, with its place at debug, and exit code 1 (P2)", async (t) => {
  const preload = "process.on('SIGUSR2', () => { throw new Error('the floor gave way') })";
  const fall = async (env: Record<string, string>): Promise<{ exitCode: number | null; stderr: string }> => {
    const { server, args, asked } = await port();
    t.after(() => stop(server));
    const { child, ended } = start(["status", ...args], { preload, env });
    await asked;
    child.kill("SIGUSR2");
    return ended;
  };
  const [plain, debug] = await Promise.all([fall({}), fall({ HOLDFAST_LOG_LEVEL: "debug" })]);
  assert.equal(plain.stderr, "holdfast: the floor gave way\n(HOLDFAST_LOG_LEVEL=debug shows where)\n");
  assert.match(debug.stderr, /^holdfast: the floor gave way\nError: the floor gave way\n +at /);
  assert.deepEqual([plain.exitCode, debug.exitCode], [1, 1]);
});
