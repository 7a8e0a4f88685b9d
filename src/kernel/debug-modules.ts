// Modules with their debug information, for kernels that have it: those in guests are stripped.
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { copyCheap } from '../util/files.ts';
import { madeFile, readMade } from './made.ts';

/** Copies them into `dir`, by the names they have when loaded. Does nothing for a kernel without debug information. */
export async function keepDebugModules(objectDir: string, dir: string): Promise<void> {
  const config = (await readMade(objectDir, '.config')) ?? '';
  if (!/^CONFIG_DEBUG_INFO=y$/m.test(config)) return;
  await mkdir(dir);
  // @see Documentation/kbuild/kbuild.rst, modules.order: an object per line
  const order = (await readMade(objectDir, 'modules.order')) ?? '';
  for (const line of order.split('\n').filter((one) => one.endsWith('.o'))) {
    const file = line.replace(/\.o$/, '.ko');
    const name = basename(file).replaceAll('-', '_');
    await copyCheap(await madeFile(objectDir, file), join(dir, name));
  }
}
