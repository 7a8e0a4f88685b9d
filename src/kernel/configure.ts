// Makes the .config of an object folder out of fragments, and says by name what did not take.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { writeAtomic } from '../util/files.ts';
import { failed, run } from '../util/proc.ts';
import { configurationKey, configuredBefore, rememberConfigured } from './configured.ts';
import {
  type KconfigEntry,
  kconfigEntries,
  lossReason,
  lostSymbols,
  type Merged,
  parseConfig,
  type Symbols,
  type Unmet,
} from './kconfig.ts';
import { madeFile } from './made.ts';
import { type BuildPlace, make } from './make.ts';

export interface Configuration {
  /** The final .config. */
  readonly text: string;
  readonly symbols: Symbols;
  readonly unmet: readonly Unmet[];
}

/**
 * `allnoconfig` with the merged fragments on top (`KCONFIG_ALLCONFIG`), and a look at what became of each symbol; or what
 * the folder has already, if that came of the same.
 */
export async function configure(
  place: BuildPlace,
  merged: Merged,
  log: string,
  ctx: Context,
): Promise<Configuration> {
  const origin = await configurationKey(place, merged.text, ctx);
  const known = await configuredBefore(place, origin);
  if (known !== undefined) return { ...known, symbols: parseConfig(known.text) };
  const fragment = join(place.objectDir, '.pgmap-fragment');
  await writeAtomic(fragment, merged.text);
  const variables = [`KCONFIG_ALLCONFIG=${fragment}`];
  const what = 'configuring the kernel';
  await make(place, { targets: ['allnoconfig'], variables, log, what }, ctx);
  const text = await readFile(await madeFile(place.objectDir, '.config'), 'utf8');
  const symbols = parseConfig(text);
  const lost = lostSymbols(merged.symbols, symbols);
  const entries = await findEntries(place.sourceDir, lost, ctx);
  const unmet = lost.map((symbol) => {
    const asked = merged.symbols.get(symbol) ?? 'n';
    const reason = lossReason(asked, symbols, symbol, entries.get(symbol) ?? []);
    return { symbol, asked, reason };
  });
  await rememberConfigured(place, { origin, text, unmet });
  return { text, symbols, unmet };
}

/** Throws FailureError `lab/option-not-taken`: what was tested then would not be what was asked for. */
export function checkRequired(
  required: readonly string[],
  symbols: Symbols,
  unmet: readonly Unmet[],
): void {
  const off = required.filter((symbol) => (symbols.get(symbol) ?? 'n') === 'n');
  if (off.length === 0) return;
  const [first = ''] = off;
  const why = unmet.find(({ symbol }) => symbol === first)?.reason ?? 'nothing turns it on';
  throw new FailureError({
    blame: 'lab',
    code: 'option-not-taken',
    title: `CONFIG_${first} did not take: ${why}`,
    ...(off.length > 1 ? { detail: `Neither did: ${off.slice(1).join(', ')}` } : {}),
    hint: 'Without it this is an ordinary kernel. Its Kconfig entry says which compiler and options it needs.',
  });
}

/** The Kconfig entries of each symbol; one search through the tree for all of them. */
async function findEntries(
  sourceDir: string,
  symbols: readonly string[],
  ctx: Context,
): Promise<Map<string, KconfigEntry[]>> {
  const found = new Map<string, KconfigEntry[]>();
  if (symbols.length === 0) return found;
  const pattern = `^[[:space:]]*(menu)?config[[:space:]]+(${symbols.join('|')})[[:space:]]*$`;
  const argv = ['grep', '-rlE', '--include=Kconfig*', '--exclude-dir=.git', '--', pattern, '.'];
  const result = await run(argv, {
    cwd: sourceDir,
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  // 1 is grep's way to say that there is none.
  if (result.code !== 0 && result.code !== 1)
    throw failed(argv, result, { what: 'Cannot search the Kconfig files', cwd: sourceDir });
  const paths = result.stdout.split('\n').filter((path) => path !== '');
  for (const path of paths) {
    const text = await readFile(join(sourceDir, path), 'utf8');
    for (const symbol of symbols)
      found.set(symbol, [...(found.get(symbol) ?? []), ...kconfigEntries(text, symbol)]);
  }
  return found;
}
