// Keys of one run: a client key for us, a host key for the guest. Made in memory, used once, pinned on both sides.
import { generateKeyPairSync } from 'node:crypto';

export interface GuestKeys {
  /** OpenSSH private key text for the client. */
  readonly clientPrivate: string;
  /** The line for authorized_keys of the guest's root. */
  readonly authorized: string;
  /** The guest's private host key in dropbear's own format. */
  readonly hostPrivate: Buffer;
  /** The guest's public host key as it comes over the wire: what the client must see, byte for byte. */
  readonly hostPublic: Buffer;
}

/** An ed25519 key pair as its 32 bytes each. */
export interface KeyPair {
  readonly seed: Buffer;
  readonly point: Buffer;
}

export function newGuestKeys(): GuestKeys {
  const client = newKeyPair();
  const host = newKeyPair();
  return {
    clientPrivate: openSshPrivate(client),
    authorized: `ssh-ed25519 ${wirePublic(client).toString('base64')}\n`,
    // dropbear: the type, then seed and public point as one string.
    hostPrivate: Buffer.concat([string('ssh-ed25519'), string(pairBytes(host))]),
    hostPublic: wirePublic(host),
  };
}

/**
 * Seed and public point are the ends of PKCS#8 and SPKI (RFC 8410). Not through ssh2's generateKeyPairSync, which makes a
 * malformed ed25519 key once in some hundred calls, nor through JWK, whose export can deadlock with Node 20's collector.
 */
export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
    publicKeyEncoding: { format: 'der', type: 'spki' },
  });
  return { seed: privateKey.subarray(-32), point: publicKey.subarray(-32) };
}

/** OpenSSH's own format, without a passphrase. Source: PROTOCOL.key of OpenSSH. */
export function openSshPrivate(pair: KeyPair): string {
  const secret = Buffer.concat([
    Buffer.alloc(8), // twice the same check number
    string('ssh-ed25519'),
    string(pair.point),
    string(pairBytes(pair)),
    string(''), // comment
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const key = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'), // cipher
    string('none'), // key derivation
    string(''), // its options
    Buffer.from([0, 0, 0, 1]), // one key
    string(wirePublic(pair)),
    string(Buffer.concat([secret, padding])),
  ]).toString('base64');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${key}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** RFC 8709, section 4. */
const wirePublic = ({ point }: KeyPair): Buffer =>
  Buffer.concat([string('ssh-ed25519'), string(point)]);

const pairBytes = ({ seed, point }: KeyPair): Buffer => Buffer.concat([seed, point]);

/** An ssh `string` (RFC 4251, section 5): four bytes of length, then the bytes. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
