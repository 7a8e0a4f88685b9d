// The options of `bisect`, and the request they make.
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Argv } from 'yargs';
import type { BisectRequest } from '../bisect/table.ts';
import { defaults, type Settings } from '../core/bisect/step.ts';
import { FailureError } from '../core/failure.ts';
import { splitPath } from '../core/plan.ts';
import type { Predicate } from '../core/predicate.ts';
import { parseDuration } from '../core/units.ts';
import type { App } from './app.ts';
import { type RunArguments, runRequest, sandboxOption, variantOption } from './run-options.ts';
import { withSourceOptions } from './source-options.ts';

export interface BisectArguments extends RunArguments {
  good: string | undefined;
  bad: string | undefined;
  splat: string | undefined;
  boot: boolean;
  cmd: string | undefined;
  slowerThan: string | undefined;
  errorIsBad: boolean;
  firstParent: boolean;
  withPatch: string[] | undefined;
  configBisect: string[] | undefined;
  confidence: number;
  rate: number | undefined;
  maxRuns: number;
  patience: number;
  proof: boolean;
  resume: string | undefined;
  replay: string | undefined;
  dryRun: boolean | undefined;
  format: string;
}

export const withBisectOptions = <T>(yargs: Argv<T>) =>
  withSourceOptions(
    yargs.positional('series', {
      type: 'string',
      array: true,
      describe: 'Find the bad patch of this series, not a commit of the tree',
    }),
  )
    .option('good', {
      type: 'string',
      requiresArg: true,
      describe: 'A commit that is good (default: looked for, in doubling steps back)',
    })
    .option('bad', {
      type: 'string',
      requiresArg: true,
      describe: 'One that is bad (default: HEAD)',
    })
    .option('test', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe:
        "Bad is: this test FAILs, 'suite > test' or 'suite > test > case'; with --splat: run only this",
    })
    .option('error-is-bad', {
      type: 'boolean',
      default: false,
      describe: 'with --test: … or is an ERROR, e.g. killed because its time is up',
    })
    .option('slower-than', {
      type: 'string',
      requiresArg: true,
      describe: 'with --test: bad is that it passes, but takes longer, e.g. 5s',
    })
    .option('splat', {
      type: 'string',
      requiresArg: true,
      describe: "Bad is: a kernel report of this title, e.g. 'WARNING in memremap_pages'",
    })
    .option('boot', { type: 'boolean', default: false, describe: 'Bad is: it does not boot' })
    .option('cmd', {
      type: 'string',
      requiresArg: true,
      describe:
        'Bad is: this shell command fails in the guest, in the folder of --suite; 125 cannot tell',
    })
    .option('suite', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'In this suite',
    })
    .option('topology', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'On this topology (default: the first on which it shows)',
    })
    .option('config', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'One more kernel config fragment',
    })
    .option('variant', variantOption)
    .option('config-bisect', {
      type: 'string',
      nargs: 2,
      describe: 'A good and a bad configuration: find the setting that makes the difference',
    })
    .option('with-patch', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'A fix-up for every commit that it applies to',
    })
    .option('first-parent', {
      type: 'boolean',
      default: false,
      describe: 'A merge as a whole, not the commits it brings',
    })
    .option('confidence', {
      type: 'number',
      default: 100 * defaults.confidence,
      describe: 'How sure the answer has to be, in percent',
    })
    .option('rate', {
      type: 'number',
      describe: 'It shows in at least this share of runs, 1 for always (default: measured)',
    })
    .option('max-runs', {
      type: 'number',
      default: defaults.maxRuns,
      describe: 'Runs of one commit for one question, at most',
    })
    .option('patience', {
      type: 'number',
      default: defaults.patience,
      describe: 'Runs of the bad end until it has shown once, at most',
    })
    .option('proof', {
      type: 'boolean',
      default: true,
      describe: 'Show that it fails again and that all is well without it; --no-proof does not',
    })
    .option('resume', {
      type: 'string',
      requiresArg: true,
      describe: 'Go on with the bisection in this folder',
    })
    .option('replay', {
      type: 'string',
      requiresArg: true,
      describe: 'Say again what the bisection in this folder, or log, came to',
    })
    .option('sandbox', sandboxOption)
    .option('jobs', { type: 'number', requiresArg: true, describe: 'Guests at once' })
    .option('accel', { choices: ['auto', 'kvm', 'tcg'], default: 'auto', describe: 'As for run' })
    .option('out', { type: 'string', describe: 'Folder for the bisection (default: a new one)' })
    .option('dry-run', {
      type: 'boolean',
      describe: 'Print the ends, and the exact git, make and QEMU command lines, and do nothing',
    })
    .option('format', {
      choices: ['plain', 'json', 'git'],
      default: 'plain',
      describe: 'What goes to standard output; git: as `git bisect log`, for git bisect replay',
    })
    .conflicts('resume', ['replay', 'dry-run'])
    .conflicts('replay', 'dry-run')
    .example(
      "$0 bisect --tree ~/linux --good v6.12 --test 'device-coherent > longterm pin migrates away'",
      'the commit since v6.12 that broke a test',
    )
    .example("$0 bisect --tree ~/linux v3.mbox --test 'devdax > …'", 'the patch of a series')
    .example(
      "$0 bisect --tree ~/linux --splat 'WARNING in memremap_pages'",
      'since nobody knows when',
    )
    .example(
      "$0 bisect --tree ~/linux --suite devdax --cmd 'test -e /dev/dax0.0'",
      'a command of your own',
    )
    .example(
      '$0 bisect --tree ~/linux --config-bisect good.config bad.config --boot',
      'the setting, not the commit',
    )
    .example('$0 bisect --resume RUN', 'after an interruption')
    .epilogue(
      'Exit codes: 0 found · 125 only a range, or no answer · 130 interrupted · 255 usage or host',
    );

/** What the command line asks for. Throws FailureError `usage/what-is-bad|bad-confidence|bad-rate|bad-max-runs|bad-patience|bad-jobs|two-ranges`. */
export function wantedBy(app: App, args: BisectArguments): BisectRequest {
  const [goodConfig, badConfig] = args.configBisect ?? [];
  // A range or a message id stays as it is.
  const series = (args.series ?? []).map((one) =>
    existsSync(resolve(app.cwd, one)) ? resolve(app.cwd, one) : one,
  );
  const ranges = [series.length > 0, args.configBisect !== undefined];
  if (args.good !== undefined || args.bad !== undefined) ranges.push(true);
  if (ranges.filter(Boolean).length > 1)
    throw usage(
      'two-ranges',
      'a series, --good and --bad, and --config-bisect each say what is searched: give one',
      'The base of a series is its good end, its last patch the bad one.',
    );
  const predicate = predicateOf(args);
  // A case is no test of its own: the test that holds it is run.
  const test = 'path' in predicate ? [predicate.path.join(' > ')] : args.test;
  const { nightly: _, ...rest } = args;
  const request = runRequest(app, {
    ...{ ...rest, series, test, config: args.config?.map((file) => absolute(app, file)) },
    ...{ type: undefined, kernel: undefined, modules: undefined },
  });
  return {
    request,
    predicate,
    settings: settingsOf(args),
    ...(args.good === undefined ? {} : { good: args.good }),
    ...(args.bad === undefined ? {} : { bad: args.bad }),
    firstParent: args.firstParent,
    fixes: (args.withPatch ?? []).map((file) => absolute(app, file)),
    ...(goodConfig === undefined || badConfig === undefined
      ? {}
      : { configs: { good: absolute(app, goodConfig), bad: absolute(app, badConfig) } }),
  };
}

function predicateOf(args: BisectArguments): Predicate {
  const others = [args.splat !== undefined, args.boot, args.cmd !== undefined].filter(Boolean);
  const [test, ...more] = args.test ?? [];
  // With --splat, --test only says where it is looked for.
  const own = test !== undefined && args.splat === undefined ? 1 : 0;
  if (others.length + own !== 1 || (own === 1 && more.length > 0))
    throw usage(
      'what-is-bad',
      'say what bad is, with one of --test, --splat, --boot, --cmd',
      "For example --test 'devdax > every page of a 4 KiB aligned device is its own'.",
    );
  if (args.splat !== undefined) return { kind: 'splat', title: args.splat };
  if (args.boot) return { kind: 'boot' };
  if (args.cmd !== undefined) {
    const suite = args.suite?.[0];
    if (suite === undefined)
      throw usage('what-is-bad', '--cmd needs --suite, in whose folder and guest it runs');
    return { kind: 'cmd', suite, command: args.cmd };
  }
  const path = splitPath(test ?? '');
  if (path.length < 2) throw usage('what-is-bad', `'${test}' is no 'suite > test'`);
  return args.slowerThan === undefined
    ? { kind: 'test', path, errorIsBad: args.errorIsBad }
    : { kind: 'timing', path, maxMs: parseDuration(args.slowerThan) };
}

function settingsOf(args: BisectArguments): Settings {
  const { confidence, maxRuns, patience, rate } = args;
  if (!(confidence > 0 && confidence < 100))
    throw usage('bad-confidence', '--confidence takes a percentage below 100');
  if (rate !== undefined && !(rate > 0 && rate <= 1))
    throw usage('bad-rate', '--rate takes a share above 0, up to 1');
  const { jobs = 1 } = args;
  for (const [name, value] of Object.entries({ 'max-runs': maxRuns, patience, jobs }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw usage(`bad-${name}`, `--${name} takes a whole number from 1`);
  return {
    ...{ confidence: confidence / 100, maxRuns, patience, retries: defaults.retries },
    prove: args.proof,
    ...(rate === undefined ? {} : { rate }),
  };
}

export const absolute = (app: App, path: string): string =>
  isAbsolute(path) ? path : join(app.cwd, path);

export const usage = (code: string, title: string, hint?: string): FailureError =>
  new FailureError({ blame: 'usage', code, title, ...(hint === undefined ? {} : { hint }) });
