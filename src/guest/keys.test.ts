import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { newGuestKeys } from './keys.ts';

/** The `string`s of RFC 4251 section 5 that a buffer consists of. */
function strings(buffer: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < buffer.length;) {
    const length = buffer.readUInt32BE(at);
    found.push(buffer.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

const keys = newGuestKeys();

test('the public host key is what RFC 8709 says', () => {
  const [name, point, ...rest] = strings(keys.hostPublic);
  expect(name?.toString()).toBe('ssh-ed25519');
  expect(point).toHaveLength(32);
  expect(rest).toEqual([]);
});

test('the private host key holds a seed and the same point, and signs for it', () => {
  const [name, pair, ...rest] = strings(keys.hostPrivate);
  const [, point] = strings(keys.hostPublic);
  expect(name?.toString()).toBe('ssh-ed25519');
  expect(rest).toEqual([]);
  expect(pair?.subarray(32)).toEqual(point);
  const jwk = {
    kty: 'OKP',
    crv: 'Ed25519',
    d: pair?.subarray(0, 32).toString('base64url') ?? '',
    x: point?.toString('base64url') ?? '',
  };
  const text = Buffer.from('text');
  const { d: _, ...open } = jwk;
  const signature = sign(null, text, createPrivateKey({ key: jwk, format: 'jwk' }));
  expect(verify(null, text, createPublicKey({ key: open, format: 'jwk' }), signature)).toBe(true);
});

test('the client key opens what authorized_keys lists', () => {
  const parsed = ssh2.utils.parseKey(keys.clientPrivate);
  if (parsed instanceof Error) throw parsed;
  const blob = parsed.getPublicSSH().toString('base64');
  expect(keys.authorized).toMatch(/^ssh-ed25519 \S+[^\n]*\n$/);
  expect(keys.authorized.split(/\s/)[1]).toBe(blob);
});

test('every pair is new, and every one of them can be read', () => {
  // ssh2's generator makes a malformed ed25519 key once in some hundred calls.
  const seen = new Set<string>();
  for (let count = 0; count < 1500; count++) {
    const pair = newGuestKeys();
    expect(ssh2.utils.parseKey(pair.clientPrivate)).not.toBeInstanceOf(Error);
    seen.add(pair.clientPrivate);
    seen.add(pair.hostPublic.toString('hex'));
  }
  expect(seen.size).toBe(3000);
});
