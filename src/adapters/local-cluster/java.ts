// Which Java and Maven this machine has. Java of JAVA_HOME goes before the one on the path.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Java {
  readonly command: string;
  readonly version: number;
  /** The command for Maven; null when there is none (needed only while the archives are not yet cached). */
  readonly maven: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is here, or why it will not do, as a half sentence. */
export async function findJava(env: Environment): Promise<Java | string> {
  const home = env["JAVA_HOME"];
  const candidates = home ? [join(home, "bin", "java"), "java"] : ["java"];
  for (const command of candidates) {
    const version = await javaVersion(command, env);
    if (version === undefined) continue;
    if (version < 17) return `${command} is Java ${version}, 17 or newer is needed`;
    return { command, version, maven: (await answers("mvn", ["-v"], env)) ? "mvn" : null };
  }
  return "no java on the path";
}

async function javaVersion(command: string, env: Environment): Promise<number | undefined> {
  const printed = await answers(command, ["-version"], env);
  // 17.0.15, 21, and the old way of counting: 1.8.0
  const found = /version "(?:1\.)?(\d+)/u.exec(printed ?? "");
  return found ? Number(found[1]) : undefined;
}

async function answers(command: string, args: readonly string[], env: Environment): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, args, { env, timeout: 20_000 });
    return stdout + stderr;
  } catch {
    return undefined;
  }
}
