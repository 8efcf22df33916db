// A schema's parsed JSON where a test changes or searches it: only the test knows the shape it expects, and
// a wrong guess fails there and then.

// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;
