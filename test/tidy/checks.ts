// What is checked of the sources that neither compiler nor linter can say. Each check is a pure function
// from files to problems, so that its test can show it red on a made-up file.

import { lines, type SourceFile } from "./source-tree.ts";

export type Check = (files: readonly SourceFile[]) => string[];

const rooms = ["core", "sigma", "runtime", "adapters", "config", "testing", "app", "cli", "main"] as const;
type Room = (typeof rooms)[number];

/** Which rooms a room may import from, itself always included. Outward is forbidden. */
const mayImport: Readonly<Record<Room, readonly Room[]>> = {
  core: [],
  sigma: ["core"],
  runtime: ["core"],
  adapters: ["runtime", "sigma", "core"],
  config: ["adapters", "runtime", "sigma", "core"],
  testing: ["adapters", "runtime", "sigma", "core"],
  app: ["config", "adapters", "runtime", "sigma", "core"],
  cli: ["app", "config", "testing", "adapters", "runtime", "sigma", "core"],
  main: ["cli", "app", "config", "adapters", "runtime", "sigma", "core"],
};

/** Adapters that stand for each other or serve development: they know nothing of one another. */
const apart = ["src/adapters/kafka/", "src/adapters/memory/", "src/adapters/local-cluster/"];

/** Where each package may be imported; a package that is not here may be imported nowhere under src. */
const packageRooms: Readonly<Record<string, readonly string[]>> = {
  "@kafkajs/confluent-schema-registry": ["src/adapters/"],
  ajv: ["src/sigma/"],
  avsc: ["src/adapters/"],
  commander: ["src/cli/"],
  kafkajs: ["src/adapters/kafka/"],
  pino: ["src/adapters/"],
  "prom-client": ["src/adapters/"],
  re2js: ["src/sigma/"],
  testcontainers: ["src/adapters/local-cluster/"],
  yaml: ["src/sigma/"],
};

const pureFolders = ["src/core/", "src/sigma/"];
const pureModules = new Set(["node:crypto"]);
const bannedGlobals =
  /(?<![.\w$])(?:Date|performance|process|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|console|crypto)\b(?!\s*\??:)|\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b/gu;

const bannedNames = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "misc",
  "manager",
  "service",
  "impl",
  "index",
  "types",
  "base",
]);

export const importDirection: Check = (files) =>
  inSrc(files).flatMap((file) => {
    const from = roomOf(file.path);
    if (from === undefined) return [];
    return file.imports.flatMap((target) => {
      if (!target.startsWith("src/")) return [];
      const to = roomOf(target);
      if (to !== undefined && to !== from && !mayImport[from].includes(to)) {
        return [`${file.path} imports ${target}: ${from} may import ${mayImport[from].join(", ") || "nothing"}`];
      }
      const here = apart.find((folder) => file.path.startsWith(folder));
      const there = apart.find((folder) => target.startsWith(folder));
      if (here !== undefined && there !== undefined && here !== there) {
        return [`${file.path} imports ${target}: these adapters stand apart`];
      }
      return [];
    });
  });

export const roomsAreKnown: Check = (files) =>
  inSrc(files).flatMap((file) =>
    roomOf(file.path) === undefined ? [`${file.path} is in no room: name one in test/tidy/checks.ts`] : [],
  );

export const packagesInTheirRoom: Check = (files) =>
  inSrc(files).flatMap((file) =>
    file.imports.flatMap((target) => {
      if (target.startsWith("src/") || target.startsWith("node:")) return [];
      const name = target.startsWith("@") ? target.split("/", 2).join("/") : target.split("/", 1)[0]!;
      const folders = packageRooms[name];
      if (folders === undefined)
        return [`${file.path} imports ${name}: no room is named for it in test/tidy/checks.ts`];
      return folders.some((folder) => file.path.startsWith(folder))
        ? []
        : [`${file.path} imports ${name}: only for ${folders.join(", ")}`];
    }),
  );

/** Time, randomness and I/O come into the pure rooms as arguments. */
export const pureRooms: Check = (files) =>
  files
    .filter((file) => pureFolders.some((folder) => file.path.startsWith(folder)))
    .flatMap((file) => [
      ...file.imports
        .filter((target) => target.startsWith("node:") && !pureModules.has(target))
        .map((target) => `${file.path} imports ${target}`),
      ...[...file.code.matchAll(bannedGlobals)].map(
        (found) => `${file.path}:${lineAt(file.code, found.index)} uses ${found[0]}`,
      ),
    ]);

export const processOnlyInMain: Check = (files) =>
  inSrc(files)
    .filter(
      (file) => file.path !== "src/main.ts" && !/\b(?:const|let)\s+process\b|[(,{]\s*process\s*[:,})]/u.test(file.code),
    )
    .flatMap((file) => [
      ...[...file.code.matchAll(/(?<![.\w$])process\.\w+/gu)].map(
        (found) => `${file.path}:${lineAt(file.code, found.index)} uses ${found[0]}`,
      ),
      ...file.imports.filter((target) => target === "node:process").map(() => `${file.path} imports node:process`),
    ]);

export const fileNames: Check = (files) =>
  files.flatMap(({ path }) => {
    const words = path.split("/").at(-1)!.split(".")[0]!.split("-");
    const bad = words.filter((word) => bannedNames.has(word));
    if (bad.length > 0) return [`${path}: "${bad.join(", ")}" says nothing about what is inside`];
    return /^[a-z0-9/.-]+$/u.test(path) ? [] : [`${path} is not in kebab-case`];
  });

export const headers: Check = (files) =>
  inSrc(files)
    .filter(({ header }) => header.join("").trim().length < 20)
    .map(({ path }) => `${path} does not open with what it is, owns and leaves to others`);

/** Tests may be longer: a table of cases is read by its rows. */
export const fileLengths: Check = (files) =>
  files
    .filter((file) => lines(file) > (file.path.startsWith("test/") ? 600 : 400))
    .map((file) => `${file.path} has ${lines(file)} lines: loop, decisions and I/O belong apart`);

/**
 * An invariant's name is its module's own, so it counts as cited only by the module itself, by what imports
 * it, and by the tests beside it (its folder's mirror) or of the contract that several modules share.
 */
export const invariants: Check = (files) =>
  inSrc(files).flatMap((file) => {
    const start = file.header.findIndex((line) => line.trim() === "Invariants:");
    if (start === -1) return [];
    const names = file.header.slice(start).flatMap((line) => /^\s+([A-Z]+\d+)\b/u.exec(line)?.[1] ?? []);
    if (names.length === 0) return [`${file.path} has no numbered invariant under "Invariants:"`];
    const mirror = file.path.replace("src/", "test/").replace(/[^/]+$/u, "");
    const near = files.filter(
      ({ path, imports }) =>
        path.startsWith(mirror) || path.startsWith("test/contract/") || imports.includes(file.path),
    );
    return names.flatMap((name, index) => {
      if (names.indexOf(name) !== index) return [`${file.path} defines ${name} twice`];
      const cites = new RegExp(`\\b${name}\\b`, "u");
      const isCited = cites.test(afterHeader(file)) || near.some(({ text }) => cites.test(text));
      return isCited ? [] : [`${name} of ${file.path} is cited by no line of code and no test of it`];
    });
  });

export const relativeImports: Check = (files) =>
  files.flatMap((file) =>
    file.specifiers
      .filter((name) => name.startsWith(".") && !/\.(?:ts|mjs|json)$/u.test(name))
      .map((name) => `${file.path} imports "${name}" without its file ending`),
  );

/** node loads a test reporter as the default export, and nothing else. */
export const defaultExports: Check = (files) =>
  files
    .filter(({ path, code }) => path !== "dev/test-reporter.ts" && /\bexport\s+default\b/u.test(code))
    .map(({ path }) => `${path} has a default export`);

export const leftovers: Check = (files) =>
  files.flatMap((file) =>
    [...file.text.matchAll(/\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b|\b(?:test|it|describe|suite)\.only\b/gu)].map(
      (found) => `${file.path}:${lineAt(file.text, found.index)} has ${found[0]}`,
    ),
  );

/** Names of package registries and paths of one machine make the project work in one place only. */
export function foreignPlaces(path: string, text: string): string[] {
  const hosts = ["npmjs", "yarnpkg", "maven", "sonatype", "pypi", "pythonhosted", "debian", "golang", "crates"];
  const places = new RegExp(
    `\\b[\\w.-]*(?:${hosts.join("|")})[\\w-]*(?:\\.[\\w-]+)*\\.(?:org|com|net|io)\\b|(?<![\\w.~$}])/(?:work|root|home|Users)/\\w`,
    "giu",
  );
  return [...text.matchAll(places)].map((found) => `${path}:${lineAt(text, found.index)} names ${found[0]}`);
}

function inSrc(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path }) => path.startsWith("src/"));
}

/** Files that belong to another room than their folder says, or to none by their folder. */
const placed: Readonly<Record<string, Room>> = {
  "src/cli/io.ts": "config",
  "src/startup.ts": "app",
  "src/version.ts": "config",
};

function roomOf(path: string): Room | undefined {
  const first = path.split("/")[1]!.replace(/\.ts$/u, "");
  return placed[path] ?? rooms.find((room) => room === first);
}

function afterHeader(file: SourceFile): string {
  return file.text.split("\n").slice(file.header.length).join("\n");
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
