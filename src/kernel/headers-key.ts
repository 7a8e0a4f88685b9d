// What programs for a guest depend on of its kernel: the headers, which most patches leave as they are.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { toolchain } from './toolchain.ts';

/** The same for two kernels with the same UAPI headers (some 6 MB in a thousand files). */
export async function headersKey(headersDir: string, ctx: Context): Promise<string> {
  const hash = createHash('sha256').update(await toolchain(ctx));
  const entries = await readdir(headersDir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const text = await readFile(path);
    hash.update(`${path.slice(headersDir.length)}\0${text.length}\0`).update(text);
  }
  return hash.digest('hex').slice(0, 32);
}
