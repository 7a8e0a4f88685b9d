// Whether dropbear reads the host key that we write in its format.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { newGuestKeys } from './keys.ts';

const installed = spawnSync('dropbearkey', ['-h']).error === undefined;

test.skipIf(!installed)('dropbearkey reads the host key and shows the same public key', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pgmap-keys-'));
  try {
    for (let count = 0; count < 5; count++) {
      const keys = newGuestKeys();
      const file = join(dir, 'host_key');
      writeFileSync(file, keys.hostPrivate, { mode: 0o600 });
      const said = execFileSync('dropbearkey', ['-y', '-f', file], { encoding: 'utf8' });
      const line = said.split('\n').find((one) => one.startsWith('ssh-ed25519 '));
      expect(line?.split(' ')[1]).toBe(keys.hostPublic.toString('base64'));
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.skipIf(!installed)('dropbearconvert turns it into an OpenSSH key of the same pair', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pgmap-keys-'));
  try {
    const keys = newGuestKeys();
    const [from, to] = [join(dir, 'dropbear'), join(dir, 'openssh')];
    writeFileSync(from, keys.hostPrivate, { mode: 0o600 });
    execFileSync('dropbearconvert', ['dropbear', 'openssh', from, to], { stdio: 'ignore' });
    const read = ssh2.utils.parseKey(execFileSync('cat', [to]));
    if (read instanceof Error) throw read;
    expect(read.getPublicSSH().equals(keys.hostPublic)).toBe(true);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.skipIf(spawnSync('ssh-keygen', ['-?']).error !== undefined)(
  'ssh-keygen reads the client key, for who logs in by hand',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'pgmap-keys-'));
    try {
      const keys = newGuestKeys();
      const file = join(dir, 'ssh_key');
      writeFileSync(file, keys.clientPrivate, { mode: 0o600 });
      const said = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      expect(said.trim()).toBe(keys.authorized.trim());
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);
