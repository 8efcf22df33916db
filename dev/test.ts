// `npm test`: every test, on a real broker and registry where this machine can start them. Without, the
// tests that need them are skipped and the reason is printed: a skipped test is never a passed one.
// Arguments go to `node --test`; patterns among them replace the default one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NoLocalCluster, startLocalCluster, type LocalCluster } from "../src/adapters/local-cluster/local-cluster.ts";

const everyTest = "test/**/*.test.ts";
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort(signal));

const cluster = await startCluster();
const code = stop.signal.aborted ? 1 : await runTests();
await cluster.stop?.();
process.exit(code);

async function startCluster(): Promise<Partial<LocalCluster> & { readonly skip?: string }> {
  try {
    const started = await startLocalCluster({
      brokers: 1,
      directory: join(import.meta.dirname, "..", ".holdfast"),
      env: process.env,
      onProgress: (message) => console.log(message),
      signal: stop.signal,
    });
    console.log(`real broker (${started.kind}): ${started.bootstrap.join(",")}, registry: ${started.registryUrl}`);
    return started;
  } catch (error) {
    if (stop.signal.aborted) return {};
    // A machine that has nothing to run Kafka on may test the rest; one that fails to run it may not.
    if (!(error instanceof NoLocalCluster)) throw error;
    console.log(error.message);
    return { skip: `no broker and registry: ${error.message.split("\n")[0]}` };
  }
}

async function runTests(): Promise<number> {
  const given = process.argv.slice(2);
  const patterns = given.some((word) => !word.startsWith("-")) ? [] : [everyTest];
  const beside = (file: string): string => pathToFileURL(join(import.meta.dirname, file)).href;
  const tests = spawn(
    process.execPath,
    [
      "--test",
      `--import=${beside("test-seed.ts")}`,
      `--test-reporter=${beside("test-reporter.ts")}`,
      "--test-reporter-destination=stdout",
      `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`,
      ...given,
      ...patterns,
    ],
    { stdio: "inherit", env: { ...process.env, ...testEnvironment() } },
  );
  const pass = (): void => void tests.kill("SIGTERM");
  stop.signal.addEventListener("abort", pass, { once: true });
  const [exitCode] = (await once(tests, "exit")) as [number | null];
  return exitCode ?? 1;
}

function testEnvironment(): Record<string, string | undefined> {
  return {
    HOLDFAST_KAFKA_BROKERS: cluster.bootstrap?.join(","),
    HOLDFAST_REGISTRY_URL: cluster.registryUrl,
    HOLDFAST_TEST_SKIP: cluster.skip,
  };
}
