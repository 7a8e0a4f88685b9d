// QEMU is left with no privilege that it does not need: what breaks out of it is an ordinary process.
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Arguments of setpriv(1) for a QEMU that opens `paths`. It dies with us, gains nothing by executing anything, and, if we
 * are root, has no capabilities: only where a path leads through a folder that root may not enter as its owner, that which
 * takes the place of permissions. Groups stay: /dev/kvm may be a group's. @see capabilities(7), prctl(2) PR_SET_PDEATHSIG
 */
export async function unprivileged(paths: readonly string[]): Promise<string[]> {
  const bounds = ['--pdeathsig', 'KILL', '--no-new-privs', '--inh-caps=-all'];
  if (process.getuid?.() !== 0) return bounds;
  const open = await Promise.all(paths.map(isOpenToOwner));
  return [...bounds, `--bounding-set=-all${open.every(Boolean) ? '' : ',+dac_override'}`];
}

/** Whether root without capabilities gets to a path: through folders that are its own, or anybody's. */
async function isOpenToOwner(path: string): Promise<boolean> {
  for (let at = dirname(path); ; at = dirname(at)) {
    const info = await stat(at).catch(() => undefined);
    // QEMU will say what is wrong with it.
    if (info === undefined) return true;
    const { mode, uid, gid } = info;
    const bit = uid === 0 ? 0o100 : gid === 0 ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) break;
  }
  const file = await stat(path).catch(() => undefined);
  return file === undefined || (file.mode & (file.uid === 0 ? 0o400 : 0o004)) !== 0;
}
