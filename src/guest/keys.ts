// Keys of one run: a client key for us, a host key for the guest. Made in memory, used once, pinned on both sides.
import { generateKeyPairSync } from 'node:crypto';

export interface GuestKeys {
  /** OpenSSH private key text for the client. */
  readonly clientPrivate: string;
  /** The line for the guest's /root/.ssh/authorized_keys. */
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
  const client = newPair();
  const host = newPair();
  return {
    clientPrivate: opensshPrivate(client),
    authorized: `ssh-ed25519 ${publicBlob(client).toString('base64')}\n`,
    // dropbear: name, then seed and public point as one string.
    hostPrivate: Buffer.concat([string(name), string(Buffer.concat([host.seed, host.point]))]),
    hostPublic: publicBlob(host),
  };
}

const name = Buffer.from('ssh-ed25519');

interface Pair {
  readonly seed: Buffer;
  readonly point: Buffer;
}

/** Not ssh2's own generateKeyPairSync: once in some hundred calls it makes an ed25519 key that nobody can read. */
function newPair(): Pair {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { seed: Buffer.from(d ?? '', 'base64url'), point: Buffer.from(x ?? '', 'base64url') };
}

const publicBlob = ({ point }: Pair): Buffer => Buffer.concat([string(name), string(point)]);

/** An unencrypted key as OpenSSH keeps it. Format: PROTOCOL.key of OpenSSH. */
function opensshPrivate(pair: Pair): string {
  const secret = Buffer.concat([
    Buffer.alloc(8), // two equal check numbers
    ...[publicBlob(pair), string(Buffer.concat([pair.seed, pair.point])), string(Buffer.alloc(0))],
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const none = string(Buffer.from('none'));
  const key = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[none, none, string(Buffer.alloc(0)), Buffer.from([0, 0, 0, 1])],
    ...[string(publicBlob(pair)), string(Buffer.concat([secret, padding]))],
  ]);
  const lines = key.toString('base64').match(/.{1,70}/g) ?? [];
  const [begin, end] = ['BEGIN', 'END'].map((word) => `-----${word} OPENSSH PRIVATE KEY-----`);
  return [begin, ...lines, end, ''].join('\n');
}

/** An ssh `string` (RFC 4251, section 5): four bytes of length, then the bytes. */
function string(value: string | Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}
