// What the sources promise about themselves (level 0): rooms, names, headers, invariants. Each check is run
// on the project, and on a made-up file that breaks it: a check that cannot be red proves nothing.

import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NODE_FLAGS } from "../bench/node-flags.ts";
import * as checks from "./tidy/checks.ts";
import { filesUnder, lines, readSources, source, type SourceFile } from "./tidy/source-tree.ts";

const root = join(import.meta.dirname, "..");
const tree = readSources(root, ["src", "test", "bench", "dev"]);

interface Rule {
  readonly says: string;
  readonly check: checks.Check;
  /** Files that break it, each alone: path and text. */
  readonly broken: readonly (readonly [path: string, text: string])[];
}

const rules: readonly Rule[] = [
  {
    says: "imports point inward, and adapters that stand apart do not know each other",
    check: checks.importDirection,
    broken: [
      ["src/core/a.ts", 'import { b } from "../runtime/b.ts";'],
      ["src/sigma/a.ts", 'import type { b } from "../adapters/b.ts";'],
      ["src/runtime/a.ts", 'const b = await import("../adapters/b.ts");'],
      ["src/adapters/a.ts", 'export { b } from "../cli/b.ts";'],
      ["src/adapters/memory/a.ts", 'import {\n  b,\n} from "../kafka/b.ts";'],
    ],
  },
  {
    says: "every file is in a room",
    check: checks.roomsAreKnown,
    broken: [
      ["src/stuff/a.ts", ""],
      ["src/a.ts", ""],
    ],
  },
  {
    says: "packages are imported where they belong, kafkajs only by the Kafka adapter",
    check: checks.packagesInTheirRoom,
    broken: [
      ["src/adapters/a.ts", 'import { Kafka } from "kafkajs";'],
      ["src/core/a.ts", 'import yaml from "yaml";'],
      ["src/cli/a.ts", 'import x from "left-pad/x";'],
    ],
  },
  {
    says: "core and sigma are pure: no clock, randomness, timers, I/O or process",
    check: checks.pureRooms,
    broken: [
      ["src/core/a.ts", "const now = Date.now();"],
      ["src/core/a.ts", "const now = new Date();"],
      ["src/sigma/a.ts", "const dice = Math.random();"],
      ["src/sigma/a.ts", "setTimeout(() => {}, 1);"],
      ["src/core/a.ts", "if (process.argv) throw 1;"],
      ["src/core/a.ts", 'import { existsSync, readFileSync } from "node:fs";'],
      ["src/core/a.ts", "`${Date.now()}`"],
    ],
  },
  {
    says: "only main.ts touches process",
    check: checks.processOnlyInMain,
    broken: [
      ["src/cli/a.ts", "process.exit(1);"],
      ["src/config.ts", 'import { env } from "node:process";'],
    ],
  },
  {
    says: "file names say what is inside, in kebab-case",
    check: checks.fileNames,
    broken: [
      ["src/core/event-utils.ts", ""],
      ["src/core/index.ts", ""],
      ["src/core/types.ts", ""],
      ["src/core/eventLog.ts", ""],
    ],
  },
  { says: "every module opens with what it is", check: checks.headers, broken: [["src/core/a.ts", "export {};\n"]] },
  {
    says: "no module is longer than 400 lines",
    check: checks.fileLengths,
    broken: [["src/core/a.ts", "\n".repeat(401)]],
  },
  {
    says: "every invariant is cited where its module is used or tested",
    check: checks.invariants,
    broken: [
      ["src/core/a.ts", "// A thing.\n// Invariants:\n//   ZZ1 It holds.\n\nexport {};\n"],
      ["src/core/a.ts", "// A thing.\n// Invariants:\n// none numbered\n"],
      ["src/core/a.ts", "// A thing.\n// Invariants:\n//   ZZ1 It holds.\n//   ZZ1 And again.\n\n// ZZ1\n"],
    ],
  },
  {
    says: "relative imports name the file as it is",
    check: checks.relativeImports,
    broken: [
      ["src/core/a.ts", 'import { b } from "./b";'],
      ["src/core/a.ts", 'import { b } from "./b.js";'],
    ],
  },
  {
    says: "nothing is exported as default",
    check: checks.defaultExports,
    broken: [["src/core/a.ts", "export default 1;"]],
  },
  {
    says: "nothing is left to be done, and no test runs alone",
    check: checks.leftovers,
    broken: [
      ["src/core/a.ts", ["// TO", "DO later"].join("")],
      ["test/a.test.ts", ["test", "only(1);"].join(".")],
    ],
  },
];

for (const { says, check, broken } of rules) {
  test(says, () => {
    assert.deepEqual(check(tree), []);
    for (const [path, text] of broken) {
      assert.notDeepEqual(check([source(path, text)]), [], `not seen in ${path}: ${text.slice(0, 80)}`);
    }
  });
}

test("what only looks like a breach is none", () => {
  const innocent = source(
    "src/core/a.ts",
    `// Not Date.now() nor process.exit, in a comment that is long enough.
const said = "process.exit(Date.now())" + 'import x from "./y"' + /Date"/u.source;
const shown = \`text Date.now() \${said.length} process.exit \${\`{\${said}}\`} Math.random()\`;
export const ratio = said.length / 2 / shown.length;
export interface Row { readonly Date: string; }
`,
  );
  for (const { says, check } of rules) assert.deepEqual(check([innocent]), [], says);
});

test("wherever Holdfast is started, Node has the flags that were measured", () => {
  const flags = NODE_FLAGS.join(" ");
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  for (const name of ["demo", "holdfast", "bench"]) assert.ok(scripts[name]!.includes(` ${flags} `), name);
  const entry = JSON.stringify(["/nodejs/bin/node", ...NODE_FLAGS, "/app/dist/main.js"]).replaceAll(",", ", ");
  assert.ok(readFileSync(join(root, "Dockerfile"), "utf8").includes(`\nENTRYPOINT ${entry}\n`));
});

test("no package registry and no machine's own path is named", () => {
  const paths = [
    ...["src", "test", "bench", "dev", "docs", "rules", "schemas", "deploy", ".github", ".ci"].flatMap((folder) =>
      filesUnder(root, folder),
    ),
    ...filesAtTop(),
  ];
  const found = paths.flatMap((path) => checks.foreignPlaces(path, readFileSync(join(root, path), "utf8")));
  assert.deepEqual(found, []);
  for (const text of [
    ["from https://registry", "npmjs", "org/x"].join("."),
    ["https://repo", "maven", "apache", "org/maven2"].join("."),
    ["cd ", "root", "x"].join("/"),
    ["open('", "work", "main')"].join("/"),
  ]) {
    assert.notDeepEqual(checks.foreignPlaces("a.md", text), [], text);
  }
});

test("the longest files (for the reader of this report)", (t) => {
  const longest = tree.toSorted((a, b) => lines(b) - lines(a)).slice(0, 5);
  t.diagnostic(longest.map((file: SourceFile) => `${file.path} ${lines(file)}`).join(", "));
  const short = tree.filter((file) => lines(file) <= 300).length;
  assert.ok(short / tree.length >= 0.9, `only ${short} of ${tree.length} files have at most 300 lines`);
});

function filesAtTop(): string[] {
  return [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Dockerfile",
    "package.json",
    "package-lock.json",
  ].filter((name) => existsSync(join(root, name)));
}
