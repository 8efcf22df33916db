// Address ranges: IPv4 and IPv6 in CIDR notation. Reading an address allocates nothing: both forms fill
// one reused row of sixteen bytes, IPv4 as its mapped IPv6 address. So `::ffff:192.0.2.1` is the IPv4 address
// it maps, in networks and addresses alike, and `::/0` holds neither: it is every IPv6 address.

export type NetworkTest = (address: string) => boolean;

const SCRATCH = new Uint8Array(16);
const V4_OFFSET = 12;
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0);
const MAPPED_BITS = 96;

/** null: the text is no network (`10.0.0.0/8`, `2001:db8::/32`; a bare address is a network of one). */
export function compileNetwork(text: string): NetworkTest | null {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const v4 = !address.includes(":");
  const width = v4 ? 32 : 128;
  const length = slash < 0 ? width : readPrefixLength(text.slice(slash + 1), width);
  if (length === null || !readAddress(address)) return null;
  const bits = length + (v4 ? 128 - 32 : 0);
  const network = SCRATCH.slice();
  if (!isInside(network, maskedCopy(network, bits), 128)) return null;
  if (isMapped(network) && bits >= MAPPED_BITS)
    return (candidate) => readAddress(candidate) && isInside(SCRATCH, network, bits);
  return (candidate) => readAddress(candidate) && isInside(SCRATCH, network, bits) && !isMapped(SCRATCH);
}

/** `::ffff:0:0/96`, in which IPv4 addresses are held. */
function isMapped(address: Uint8Array): boolean {
  return isInside(address, MAPPED, MAPPED_BITS);
}

function readPrefixLength(text: string, width: number): number | null {
  if (!/^\d{1,3}$/u.test(text)) return null;
  const length = Number(text);
  return length <= width ? length : null;
}

/** Host bits set in a network are a mistake, as Python's ipaddress has it. */
function maskedCopy(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, index) => byte & (0xff << Math.max(0, 8 - Math.max(0, bits - index * 8))) & 0xff);
}

function isInside(address: Uint8Array, network: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) {
    if (address[index] !== network[index]) return false;
  }
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((address[whole] ?? 0) & mask) === ((network[whole] ?? 0) & mask);
}

/** Fills SCRATCH; false for text that is no address. */
function readAddress(text: string): boolean {
  if (text.length > 45) return false;
  SCRATCH.fill(0);
  if (text.includes(":")) return readV6(text);
  SCRATCH[10] = 0xff;
  SCRATCH[11] = 0xff;
  return readV4(text, 0, V4_OFFSET);
}

/** Four decimal bytes from `from` to the text's end. */
function readV4(text: string, from: number, into: number): boolean {
  let byte = 0;
  let digits = 0;
  let index = into;
  for (let at = from; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (digits === 0 || byte > 255 || index >= into + 4) return false;
      SCRATCH[index] = byte;
      index += 1;
      byte = 0;
      digits = 0;
    } else if (code >= ZERO && code <= ZERO + 9 && digits < 3 && !(digits > 0 && byte === 0)) {
      byte = byte * 10 + (code - ZERO);
      digits += 1;
    } else {
      return false;
    }
  }
  return index === into + 4;
}

const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;

/** Groups of hexadecimal digits; `::` at most once; the last two groups may be written as IPv4. */
function readV6(text: string): boolean {
  let index = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (index >= 16) return false;
    const end = groupEnd(text, at);
    if (end < text.length && text.charCodeAt(end) === DOT) {
      if (index > 12 || !readV4(text, at, index)) return false;
      index += 4;
      at = text.length;
      break;
    }
    const group = readHex(text, at, end);
    if (group < 0) return false;
    SCRATCH[index] = group >> 8;
    SCRATCH[index + 1] = group & 0xff;
    index += 2;
    at = end;
    if (at === text.length) break;
    if (text.charCodeAt(at) !== COLON) return false;
    at += 1;
    if (at === text.length) return false;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = index;
      at += 1;
    }
  }
  if (gap < 0) return index === 16;
  if (index >= 16) return false;
  SCRATCH.copyWithin(16 - (index - gap), gap, index);
  SCRATCH.fill(0, gap, 16 - (index - gap));
  return true;
}

function groupEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== COLON && text.charCodeAt(at) !== DOT) at += 1;
  return at;
}

function readHex(text: string, from: number, to: number): number {
  if (to === from || to - from > 4) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at) | 0x20;
    const digit = code >= 0x61 && code <= 0x66 ? code - 0x57 : code - ZERO;
    if (digit < 0 || digit > 15 || (code < 0x61 && digit > 9)) return -1;
    value = value * 16 + digit;
  }
  return value;
}
