// Keys of one run: a client key for us, a host key for the guest. Made in memory, used once, pinned on both sides.
import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';

export interface GuestKeys {
  /** OpenSSH private key text for the client. */
  readonly clientPrivate: string;
  /** The line for the guest's /root/.ssh/authorized_keys. */
  readonly authorized: string;
  /** The guest's private host key in dropbear's own format. */
  readonly hostPrivate: Buffer;
  /** The guest's public host key as it comes over the wire (RFC 8709): what the client must see, byte for byte. */
  readonly hostPublic: Buffer;
}

export function newGuestKeys(): GuestKeys {
  const client = ssh2.utils.generateKeyPairSync('ed25519');
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(d ?? '', 'base64url');
  const point = Buffer.from(x ?? '', 'base64url');
  const name = Buffer.from('ssh-ed25519');
  return {
    clientPrivate: client.private,
    authorized: `${client.public}\n`,
    // dropbear: name, then seed and public point as one string.
    hostPrivate: Buffer.concat([string(name), string(Buffer.concat([seed, point]))]),
    hostPublic: Buffer.concat([string(name), string(point)]),
  };
}

/** An ssh `string` (RFC 4251 section 5): four bytes of length, then the bytes. */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
