// Where every npm script starts, on any Node from 20 and before anything is installed: installs what the
// lock file says when that is not what is there, then runs the given script with the project's own Node,
// passing on arguments, signals and the exit code. Without arguments it only installs.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wantedMajor = 24;

if (!isInstalled()) await install();
const [script, ...args] = process.argv.slice(2);
if (script !== undefined) await runAndExit(projectNode(), [script, ...args]);

/** Compares what npm says it installed with what the lock file wants; optional packages may be absent. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(
      ([path, { version, optional }]) => path === "" || optional || installed[path]?.version === version,
    );
  } catch {
    return false;
  }
}

async function install() {
  console.error("Installing what package-lock.json names, once (about 300 MB with Node 24)…");
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--foreground-scripts"];
  // The engine named in package.json is what this installs; a warning about the outer one would mislead.
  const started = Date.now();
  const { code, signal } = await (npm?.endsWith(".js") ? run(process.execPath, [npm, ...args]) : run("npm", args));
  if (code !== 0) end({ code, signal }, "npm ci failed, see above. Once it is put right, run the same command again.");
  console.error(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}

function projectNode() {
  const local = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(local)) return local;
  // Its install script was not allowed to run; a new enough Node of the machine does as well.
  if (Number(process.versions.node.split(".")[0]) >= wantedMajor) return process.execPath;
  console.error(
    `Node ${wantedMajor} is needed and this is ${process.version}. The one in package-lock.json is there only in part,\n` +
      "because npm was told not to run install scripts. Do one of these:\n" +
      "  - npm rebuild node --ignore-scripts=false\n" +
      `  - put a Node ${wantedMajor} or newer on the path`,
  );
  process.exit(1);
}

async function runAndExit(command, args) {
  end(await run(command, args));
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit" });
    // Ctrl-C reaches the child from the terminal, and us twice (npm passes it on): one must not become two.
    const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const pass = (signal) => {
      if (signal !== "SIGINT" || !onTerminal) child.kill(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, pass);
    child.once("error", (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve({ code: 1, signal: null });
    });
    child.once("exit", (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeListener(name, pass);
      resolve({ code, signal });
    });
  });
}

function end({ code, signal }, message) {
  if (message !== undefined && signal === null) console.error(message);
  process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
}
