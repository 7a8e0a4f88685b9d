// Whether an object folder is configured already. From one commit to the next the configuration hardly ever changes, and
// asking Kconfig for it costs seconds, most of them for what it asks the compiler.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { readIfThere, writeAtomic } from '../util/files.ts';
import { must } from '../util/proc.ts';
import type { Unmet } from './kconfig.ts';
import { readMade } from './made.ts';
import { type BuildPlace, makeVariables } from './make.ts';
import { toolchain } from './toolchain.ts';

/** A .config, and what it came of: {@link configurationKey}. */
export interface Configured {
  readonly origin: string;
  /** Of the .config. */
  readonly text: string;
  readonly unmet: readonly Unmet[];
}

const noteOf = (place: BuildPlace): string => join(place.objectDir, '.pgmap-configured.json');

/** All that a configuration comes of: fragments, toolchain, and what Kconfig reads and runs in the tree. */
export async function configurationKey(
  place: BuildPlace,
  fragments: string,
  ctx: Context,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([fragments, await toolchain(ctx), makeVariables]));
  for (const path of await kconfigFiles(place.sourceDir, ctx)) {
    hash.update(`\0${path}\0`);
    for await (const chunk of createReadStream(join(place.sourceDir, path)))
      hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** What the folder is configured as, if its .config is still the one that came of `origin`. */
export async function configuredBefore(
  place: BuildPlace,
  origin: string,
): Promise<Configured | undefined> {
  const note = await readIfThere(noteOf(place));
  if (note === undefined) return undefined;
  const known = JSON.parse(note) as Configured;
  return known.origin === origin && known.text === (await readMade(place.objectDir, '.config'))
    ? known
    : undefined;
}

export const rememberConfigured = (place: BuildPlace, configured: Configured): Promise<void> =>
  writeAtomic(noteOf(place), JSON.stringify(configured));

/** Paths of Kconfig files, of the scripts that these call, and of the Makefiles that set what they see; sorted. */
async function kconfigFiles(sourceDir: string, ctx: Context): Promise<string[]> {
  const wanted = ['./scripts/*.sh', './scripts/kconfig/*', './scripts/Makefile*', './Makefile'];
  const patterns = [...wanted, './arch/*/Makefile*'].flatMap((path) => ['-o', '-path', path]);
  const files = ['-type', 'f', '(', '-name', 'Kconfig*', ...patterns, ')', '-print0'];
  const { stdout } = await must(['find', '.', '-name', '.git', '-prune', '-o', ...files], {
    what: `Cannot look through ${sourceDir}`,
    cwd: sourceDir,
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  return stdout.split('\0').filter(Boolean).sort();
}
