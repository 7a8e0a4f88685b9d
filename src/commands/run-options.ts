// The options of `run`, which `build` and `shell` share in part, and the request they make.
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { FailureError } from '../core/failure.ts';
import { parseDuration } from '../core/units.ts';
import type { RunRequest } from '../run/request.ts';
import type { SandboxChoice } from '../util/sandbox-trial.ts';
import type { App } from './app.ts';
import {
  type SourceArguments,
  sourceRequest,
  sourceWords,
  withSourceOptions,
} from './source-options.ts';

export interface RunArguments extends SourceArguments {
  series: string[] | undefined;
  config: string[] | undefined;
  variant?: string | undefined;
  extra?: string | undefined;
  kernel: string | undefined;
  modules: string | undefined;
  type: string[] | undefined;
  suite: string[] | undefined;
  test: string[] | undefined;
  topology: string[] | undefined;
  jobs: number | undefined;
  accel: string;
  nightly?: boolean;
  each?: boolean;
  callers?: boolean;
  sandbox?: string | undefined;
  deadline?: number | undefined;
  out: string | undefined;
  baseline?: string | undefined;
  repeat?: number | undefined;
  untilFail?: boolean | undefined;
}

/** What is built: source, series, configuration. */
export const withKernelOptions = <T>(yargs: Argv<T>) =>
  withSourceOptions(
    yargs.positional('series', {
      type: 'string',
      array: true,
      describe:
        'Patches on top: an mbox, a folder of patches, patch files, A..B of --tree, a message id or link (takes b4)',
    }),
  )
    .option('config', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'One more kernel config fragment',
    })
    .option('variant', variantOption)
    .option('sandbox', sandboxOption);

/** The debug variant, for every command that builds a kernel. */
export const variantOption = {
  type: 'string',
  requiresArg: true,
  describe: 'With a checker built in: kasan, lockdep, kmemleak, kcsan, ubsan (pgmap list variants)',
} as const;

/** For every command that builds a kernel. */
export const sandboxOption = {
  choices: ['auto', 'on', 'off'],
  default: 'auto',
  describe:
    'Build inside of bubblewrap: no network, no home, only the objects written to; auto: where it works',
} as const;

/** What is run on it, and where. */
export const withSelectionOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('kernel', { type: 'string', describe: 'Test this bzImage instead of building one' })
    .option('modules', {
      type: 'string',
      describe: 'Folder that holds lib/modules/RELEASE for --kernel',
      implies: 'kernel',
    })
    .option('type', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe:
        'Only this memory type: private, coherent, fs_dax, generic, pci_p2pdma; auto: what the series can reach',
    })
    .option('suite', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Only this suite',
    })
    .option('test', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: "Only this test: 'suite > test'",
    })
    .option('topology', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Only this topology',
    })
    .option('nightly', {
      type: 'boolean',
      default: false,
      describe: 'Also the suites that are too long for every patch',
    })
    .option('jobs', {
      type: 'number',
      requiresArg: true,
      describe: 'Guests at once (default: one per processor)',
      coerce: (value: number) => {
        if (Number.isInteger(value) && value > 0) return value;
        throw new FailureError({
          blame: 'usage',
          code: 'bad-jobs',
          title: '--jobs takes a whole number from 1',
        });
      },
    })
    .option('accel', {
      choices: ['auto', 'kvm', 'tcg'],
      default: 'auto',
      describe: 'auto takes KVM only if a kernel boots under it',
    })
    .option('deadline', {
      type: 'string',
      requiresArg: true,
      describe:
        'Stop after this time, e.g. 2h; guests are asked where they are, and --resume goes on',
      coerce: parseDuration,
    })
    .option('out', { type: 'string', describe: 'Run folder (default: a new one)' })
    .option('extra', {
      type: 'string',
      hidden: true,
      describe: 'A folder with suites/ and topologies/ beside those of the project',
    })
    .conflicts('kernel', ['tree', 'source', 'variant', 'each', 'callers']);

/** What it is compared with, and how often each job runs. */
export const withComparisonOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('baseline', {
      type: 'string',
      requiresArg: true,
      describe: 'Compare with this run, or none (default: with the base of the series)',
    })
    .option('each', {
      type: 'boolean',
      describe: 'Build every patch of the series, and test those whose kernel differs',
    })
    .option('callers', {
      type: 'boolean',
      describe: 'Compile users of memremap_pages() that the configuration leaves out, too',
    })
    .option('repeat', {
      type: 'number',
      requiresArg: true,
      describe: 'Run every job this often; a test is as bad as in its worst round',
      coerce: (value: number) => {
        if (Number.isSafeInteger(value) && value > 0) return value;
        throw new FailureError({
          blame: 'usage',
          code: 'bad-repeat',
          title: '--repeat takes a whole number from 1',
        });
      },
    })
    .option('until-fail', {
      type: 'boolean',
      default: false,
      describe: 'Repeat until something FAILs, with --repeat that often at most',
    });

/** `baseline`: the folder of the run that --baseline names. */
export function runRequest(app: App, args: RunArguments, baseline?: string): RunRequest {
  const series = args.series ?? [];
  const config = args.config ?? [];
  if (args.each === true && series.length === 0)
    throw new FailureError({
      blame: 'usage',
      code: 'each-of-nothing',
      title: '--each takes a series apart, and there is none',
    });
  return {
    source: sourceRequest(app, args),
    series,
    configFiles: config,
    ...(args.variant === undefined ? {} : { variant: args.variant }),
    ...(args.deadline === undefined ? {} : { deadlineMs: args.deadline }),
    ...(args.extra === undefined ? {} : { extraDir: resolve(app.cwd, args.extra) }),
    ...(args.kernel === undefined
      ? {}
      : {
          prebuilt: {
            image: args.kernel,
            ...(args.modules === undefined ? {} : { modulesDir: args.modules }),
          },
        }),
    selection: {
      types: args.type ?? [],
      suites: args.suite ?? [],
      topologies: args.topology ?? [],
      tests: args.test ?? [],
      nightly: args.nightly ?? false,
    },
    accel: args.accel as RunRequest['accel'],
    jobs: args.jobs ?? app.cpus,
    ...(baseline !== undefined
      ? { baseline: { run: baseline } }
      : args.baseline === undefined && series.length > 0 && args.kernel === undefined
        ? { baseline: 'base' as const }
        : {}),
    repeat: args.repeat ?? (args.untilFail === true ? Infinity : 1),
    untilFail: args.untilFail ?? false,
    each: args.each ?? false,
    callers: args.callers ?? false,
    sandbox: (args.sandbox ?? 'auto') as SandboxChoice,
    command: [
      ...['npx', 'pgmap', 'run', ...series, ...sourceWords(args)],
      ...(args.variant === undefined ? [] : ['--variant', args.variant]),
      ...(args.extra === undefined ? [] : ['--extra', args.extra]),
      ...config.flatMap((file) => ['--config', file]),
      ...(args.kernel === undefined ? [] : ['--kernel', args.kernel]),
      ...(args.modules === undefined ? [] : ['--modules', args.modules]),
      ...(args.accel === 'auto' ? [] : ['--accel', args.accel]),
      ...(['auto', undefined].includes(args.sandbox) ? [] : ['--sandbox', String(args.sandbox)]),
      ...(args.baseline === undefined ? [] : ['--baseline', args.baseline]),
    ],
  };
}
