// The host key that a run put into its guest's initramfs in dropbear's format, for a fake guest that must show the same one.
import { readFileSync } from 'node:fs';
import { newKeyPair, openSshPrivate } from '../guest/keys.ts';

/** The key as OpenSSH text. The last layer of an initramfs is not compressed; without a key in it a new one is made. */
export function hostKeyOf(initrd: string | undefined): string {
  const mark = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x40', 'latin1');
  const bytes = initrd === undefined ? Buffer.alloc(0) : readFileSync(initrd);
  const at = bytes.lastIndexOf(mark);
  if (at < 0) return openSshPrivate(newKeyPair());
  const pair = bytes.subarray(at + mark.length, at + mark.length + 64);
  return openSshPrivate({ seed: pair.subarray(0, 32), point: pair.subarray(32) });
}
