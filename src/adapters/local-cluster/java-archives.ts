// Kafka and the registry as Java archives: downloaded once by Maven, then taken from the cache directory.
// An archive's directory appears under its name only when it is whole (made aside, then renamed), so an
// interrupted download or two at the same time leave nothing broken behind.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

export interface Archive {
  /** For messages. */
  readonly title: string;
  /** Name of its directory in the cache. */
  readonly name: string;
  readonly sizeMb: number;
  readonly pom: string;
  /** What Maven shall do; `DIR` stands for the directory to fill. */
  readonly goal: readonly string[];
}

// 2.10: later ones refuse the registry's archive because its parent POM was never published.
const plugin = "org.apache.maven.plugins:maven-dependency-plugin:2.10";

export const kafkaArchive: Archive = {
  title: "Apache Kafka 4.4.0",
  name: "kafka-4.4.0",
  sizeMb: 43,
  pom: pom([
    ["org.apache.kafka", "kafka_2.13", "4.4.0"],
    ["org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.1"],
    ["org.apache.logging.log4j", "log4j-core", "2.25.1"],
  ]),
  goal: [`${plugin}:copy-dependencies`, "-DincludeScope=runtime", "-DoutputDirectory=DIR"],
};

export const registryArchive: Archive = {
  title: "Apicurio Registry 3.0.9",
  name: "apicurio-registry-3.0.9",
  sizeMb: 104,
  pom: pom([]),
  goal: [`${plugin}:unpack`, "-Dartifact=io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all", "-DoutputDirectory=DIR"],
};

export interface InstallOptions {
  /** The cache directory; made when missing. */
  readonly cache: string;
  readonly maven: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export async function isInstalled(archive: Archive, cache: string): Promise<boolean> {
  return (await stat(join(cache, archive.name)).catch(() => undefined))?.isDirectory() ?? false;
}

/** The archive's directory, downloaded when the cache lacks it. Throws with Maven's own errors. */
export async function install(archive: Archive, options: InstallOptions): Promise<string> {
  const target = join(options.cache, archive.name);
  if (await isInstalled(archive, options.cache)) return target;
  await mkdir(options.cache, { recursive: true });
  await removeAbandoned(options.cache);
  const partial = await mkdtemp(join(options.cache, ".partial-"));
  try {
    await writeFile(join(partial, "pom.xml"), archive.pom);
    await download(archive, partial, options);
    await rename(join(partial, "content"), target).catch(async (error: unknown) => {
      // Another start was faster: its copy is as good as ours.
      if (!(await isInstalled(archive, options.cache))) throw error;
    });
    return target;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function download(archive: Archive, partial: string, options: InstallOptions): Promise<void> {
  const { onProgress, signal } = options;
  signal?.throwIfAborted();
  onProgress(`${archive.title}: downloading ${archive.sizeMb} MB (only once)`);
  const goal = archive.goal.map((word) => word.replace("DIR", join(partial, "content")));
  const maven = spawn(options.maven, ["-B", "--strict-checksums", "-f", join(partial, "pom.xml"), ...goal], {
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  const errors: string[] = [];
  let files = 0;
  for (const stream of [maven.stdout, maven.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.includes("ERROR")) errors.push(line);
      const jar = /Downloaded from \S+ (\S+\.(?:jar|tar\.gz)) \((.+)\)/u.exec(line);
      if (jar) onProgress(`${archive.title}: ${++files} files, ${basename(jar[1]!)} (${jar[2]})`);
    });
  }
  const code = await new Promise<number | string | null>((resolve) => {
    // Aborted, it is told to end but may still be writing: only "close" says that it and what it started are gone.
    maven.once("error", (error) => maven.pid === undefined && resolve(error.message));
    maven.once("close", resolve);
  });
  signal?.throwIfAborted();
  if (code !== 0) {
    throw new Error(
      `${archive.title} could not be downloaded (mvn: ${code}). Check that Maven reaches its repository ` +
        `(proxy and mirror: ~/.m2/settings.xml).\n${errors.slice(0, 5).join("\n")}`,
    );
  }
}

/** Left by a start that was killed; an hour is longer than any download that is still under way. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(".partial-")) continue;
    const path = join(cache, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0);
    if (age > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

function pom(dependencies: readonly (readonly [group: string, artifact: string, version: string])[]): string {
  const listed = dependencies.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project><modelVersion>4.0.0</modelVersion>
<groupId>holdfast</groupId><artifactId>local-cluster</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${listed.join("\n")}</dependencies></project>
`;
}
