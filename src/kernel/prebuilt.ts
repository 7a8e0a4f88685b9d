// A kernel that somebody else built: only what its files themselves tell.
import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import { exists } from '../util/files.ts';

export interface PrebuiltKernel {
  /** bzImage. */
  readonly image: string;
  /** As `uname -r` will say. */
  readonly release: string;
  /** Of the image's bytes. */
  readonly key: string;
  /** Holds lib/modules/RELEASE; undefined if none was given. */
  readonly modulesDir?: string;
}

/**
 * Reads the release out of a bzImage's header. Format: Documentation/arch/x86/boot.rst (`HdrS`, kernel_version).
 * Throws FailureError `usage/no-kernel-image` or `usage/no-modules`.
 */
export async function openPrebuilt(image: string, modulesDir?: string): Promise<PrebuiltKernel> {
  const release = await releaseOf(image);
  if (modulesDir !== undefined && !(await exists(join(modulesDir, 'lib/modules', release))))
    throw new FailureError({
      blame: 'usage',
      code: 'no-modules',
      title: `${modulesDir} has no lib/modules/${release}`,
      hint: 'Give the INSTALL_MOD_PATH of `make modules_install` of that very kernel.',
    });
  const key = createHash('sha256')
    .update(await readFile(image))
    .digest('hex')
    .slice(0, 32);
  return { image, release, key, ...(modulesDir === undefined ? {} : { modulesDir }) };
}

async function releaseOf(image: string): Promise<string> {
  const info = await stat(image).catch(() => undefined);
  if (info?.isFile() === true && info.size > 0x8000) {
    const file = await open(image);
    try {
      const head = Buffer.alloc(0x8000);
      await file.read(head, 0, head.length, 0);
      if (head.toString('latin1', 0x202, 0x206) === 'HdrS') {
        const at = head.readUInt16LE(0x20e) + 0x200;
        const release = /^[^\s\0]{1,64}/.exec(head.toString('latin1', at, at + 128))?.[0];
        if (release !== undefined) return release;
      }
    } finally {
      await file.close();
    }
  }
  throw new FailureError({
    blame: 'usage',
    code: 'no-kernel-image',
    title: `${image} is no x86 bzImage`,
    hint: 'It is arch/x86/boot/bzImage of the object folder; vmlinux does not do.',
  });
}
