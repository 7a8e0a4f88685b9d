// The options that say which kernel is meant, the same for every command that takes one.
import { isAbsolute, join } from 'node:path';
import type { Argv } from 'yargs';
import { FailureError } from '../core/failure.ts';
import type { SourceRequest } from '../run/request.ts';
import type { App } from './app.ts';

export interface SourceArguments {
  tree: string | undefined;
  base: string | undefined;
  source: string | undefined;
}

export const withSourceOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('tree', { type: 'string', describe: 'A git kernel tree; it is never modified' })
    .option('base', {
      type: 'string',
      describe:
        "Commit of the tree (default: the series' base-commit if the tree has it, else HEAD)",
    })
    .option('source', {
      type: 'string',
      describe: "Debian's linux-source: distro or distro:6.12 (default: the newest installed)",
    })
    .conflicts('tree', 'source');

/** Throws FailureError `usage/bad-source`. */
export function sourceRequest(app: App, { tree, base, source }: SourceArguments): SourceRequest {
  if (tree !== undefined)
    return {
      kind: 'tree',
      dir: isAbsolute(tree) ? tree : join(app.cwd, tree),
      ...(base === undefined ? {} : { base }),
    };
  const match = /^distro(?::(\d+\.\d+))?$/.exec(source ?? 'distro');
  if (match === null)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-source',
      title: `--source '${source}' is not distro or distro:VERSION`,
      hint: 'For example --source distro:6.12; for a git tree use --tree DIR.',
    });
  if (base !== undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-source',
      title: '--base needs --tree',
      hint: 'linux-source has one version only.',
    });
  return { kind: 'distro', ...(match[1] === undefined ? {} : { version: match[1] }) };
}

/** The same as command-line words, to repeat a run with. */
export function sourceWords({ tree, base, source }: SourceArguments): string[] {
  return [
    ...(tree === undefined ? [] : ['--tree', tree]),
    ...(base === undefined ? [] : ['--base', base]),
    ...(source === undefined ? [] : ['--source', source]),
  ];
}
