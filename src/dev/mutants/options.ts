// The command line of the bench.
import { basename } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import { readWords } from '../words.ts';

export const usage = `npm run mutants -- DIR [--source distro:6.12 | --tree DIR] [--only NAME]... [--all-suites] [--suite NAME]... [--quick] [--base] [--again]

  --only       this mutant alone
  --suite      choose among these suites; --all-suites: run all, not only those that could see it
  --quick      suites for many types only where those for few did not catch it
  --base       prove the suites on the unmodified source again, although that is on record
  --again      judge mutants anew that have a verdict`;

export interface Options {
  readonly dir: string;
  /** Words of `pgmap run` that say which kernel source. */
  readonly source: readonly string[];
  /** Names; empty for all. */
  readonly only: readonly string[];
  readonly allSuites: boolean;
  /** Choose among these suites; empty for all. */
  readonly suites: readonly string[];
  /** Suites for many types only where those for few did not catch it. */
  readonly quick: boolean;
  /** Prove the suites on the unmodified source again, although that is on record. */
  readonly base: boolean;
  /** Judge mutants anew that have a verdict. */
  readonly again: boolean;
}

/** Throws FailureError `usage/usage`. */
export function readOptions(args: readonly string[]): Options {
  const wrong = (title: string): FailureError =>
    new FailureError({ blame: 'usage', code: 'usage', title, hint: usage });
  const { values, positionals } = readWords(usage, {
    args: [...args],
    allowPositionals: true,
    options: {
      source: { type: 'string' },
      tree: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      suite: { type: 'string', multiple: true, default: [] },
      'all-suites': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      base: { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
    },
  });
  const [dir, ...rest] = positionals;
  const { source = 'distro:6.12', tree } = values;
  if (values.source !== undefined && tree !== undefined)
    throw wrong('--source or --tree, not both');
  if (dir === undefined || rest.length > 0) throw wrong('one folder of patches is wanted');
  return {
    dir,
    source: tree === undefined ? ['--source', source] : ['--tree', tree],
    only: values.only.map((name) => basename(name, '.patch')),
    suites: values.suite,
    allSuites: values['all-suites'],
    quick: values.quick,
    base: values.base,
    again: values.again,
  };
}
