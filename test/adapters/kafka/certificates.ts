// X.509 certificates for tests, made here: an authority, and what it signs for a server on 127.0.0.1 and for
// clients. DER as far as that needs it (RFC 5280, ECDSA on P-256 with SHA-256).

import { createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certified {
  /** @param name its common name */
  issue(name: string): Certified;
}

export function openAuthority(name: string): Authority {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const own = certify({ name, key: privateKey }, { name, key: privateKey, isAuthority: true });
  return {
    ...own,
    issue(subject) {
      const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return certify({ name, key: privateKey }, { name: subject, key, isAuthority: false });
    },
  };
}

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const COMMON_NAME = oid("550403");
const BASIC_CONSTRAINTS = oid("551d13");
const ALTERNATIVE_NAMES = oid("551d11");
const TRUE = der(0x01, Buffer.from([0xff]));
const LOOPBACK = Buffer.from([127, 0, 0, 1]);

function certify(
  issuer: { name: string; key: KeyObject },
  subject: { name: string; key: KeyObject; isAuthority: boolean },
): Certified {
  const version = der(0xa0, integer(Buffer.from([2])));
  const serial = integer(Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const validity = sequence(time("20200101000000Z"), time("20990101000000Z"));
  const publicKey = createPublicKey(subject.key).export({ type: "spki", format: "der" });
  const extension = subject.isAuthority
    ? sequence(BASIC_CONSTRAINTS, TRUE, octets(sequence(TRUE)))
    : sequence(ALTERNATIVE_NAMES, octets(sequence(der(0x87, LOOPBACK))));
  const names = [nameOf(issuer.name), validity, nameOf(subject.name)];
  const content = sequence(version, serial, ECDSA_WITH_SHA256, ...names, publicKey, der(0xa3, sequence(extension)));
  const signature = der(0x03, Buffer.from([0]), sign("sha256", content, issuer.key));
  const bytes = sequence(content, ECDSA_WITH_SHA256, signature).toString("base64");
  const lines = bytes.match(/.{1,64}/gu)!.join("\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: subject.key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function integer(value: Buffer): Buffer {
  return der(0x02, value);
}

function octets(value: Buffer): Buffer {
  return der(0x04, value);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function time(generalized: string): Buffer {
  return der(0x18, Buffer.from(generalized));
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
}
