// How Holdfast is started wherever it runs (Dockerfile, package.json, the first line of src/main.ts): with more room
// for young objects than Node gives by itself. Events and states live for a moment; collected less often, fewer of
// them are still in use and have to be copied. test/tidy.test.ts holds the places to one another.
export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=64"];
