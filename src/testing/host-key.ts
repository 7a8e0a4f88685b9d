// The host key that a run put into its guest's initramfs in dropbear's format, for a fake guest that must show the same one.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The key as OpenSSH text. The last layer of an initramfs is not compressed; without a key in it a new one is made. */
export function hostKeyOf(initrd: string | undefined): string {
  const mark = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x40', 'latin1');
  const bytes = initrd === undefined ? Buffer.alloc(0) : readFileSync(initrd);
  const at = bytes.lastIndexOf(mark);
  const pair = at < 0 ? newPair() : bytes.subarray(at + mark.length, at + mark.length + 64);
  const point = pair.subarray(32);
  const name = string('ssh-ed25519');
  const secret = Buffer.concat([Buffer.alloc(8), name, string(point), string(pair), string('')]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const publicPart = string(Buffer.concat([name, string(point)]));
  const clear = [string('none'), string('none'), string(''), Buffer.from([0, 0, 0, 1])];
  const head = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...clear, publicPart]);
  const body = string(Buffer.concat([secret, padding]));
  const key = Buffer.concat([head, body]).toString('base64');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${key}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function string(value: string | Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}

/** Seed and public point. ssh2's own generateKeyPairSync makes a malformed ed25519 key once in some hundred calls. */
function newPair(): Buffer {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from(d ?? '', 'base64url'), Buffer.from(x ?? '', 'base64url')]);
}
