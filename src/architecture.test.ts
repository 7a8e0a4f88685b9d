// Who may import whom, as a table. A new arrow is a decision: change the table together with the reason for it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { expect, test } from 'vitest';

const root = import.meta.dirname;

/** What acts and knows nothing of the others: they meet in the folders below. */
const parts = [
  ...[
    'core',
    'util',
    'tap',
    'console',
    'tree',
    'kernel',
    'vm',
    'guest',
    'image',
    'suite',
    'config',
  ],
  'exec',
  // Runs are made of runs: base, patches and repetitions have records of their own.
  'store',
];

/** Folder → folders of ours it may import besides itself. `top` is src/*.ts. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  report: ['core'],
  util: ['core'],
  tap: ['core'],
  console: ['core'],
  tree: ['core', 'util'],
  kernel: ['core', 'util'],
  vm: ['core', 'util'],
  guest: ['core', 'util'],
  image: ['core', 'util'],
  suite: ['core', 'util'],
  config: ['core', 'util'],
  exec: ['core'],
  store: ['core', 'util'],
  // One boot; many at one commit; what they say of a series, or of a history.
  job: parts,
  run: ['job', ...parts],
  verdict: ['run', ...parts],
  series: ['verdict', 'run', ...parts],
  bisect: ['run', ...parts],
  top: ['series', 'verdict', 'run', ...parts],
  commands: [
    ...[
      'core',
      'util',
      'top',
      'run',
      'bisect',
      'report',
      'store',
      'config',
      'console',
      'tap',
      'vm',
    ],
  ],
  // `npm run bench` measures parts of a run, on input that the tests make too.
  dev: ['core', 'util', 'config', 'store', 'commands', 'report', 'run', 'tap', 'tree', 'testing'],
  testing: ['core', 'util', 'guest'],
};

/** Package → the only places that may import it. */
const homes: Record<string, readonly string[]> = {
  'zx/core': ['util/proc.ts'],
  ssh2: ['guest/', 'testing/'],
  'tap-parser': ['tap/parse.ts'],
  yargs: ['cli.ts', 'commands/'],
  zod: ['config/', 'dev/schema.ts'],
  yaml: ['config/'],
  picocolors: ['report/'],
  prettier: ['dev/schema.ts'],
};

/** What reaches outside of the program without being handed in → where it may stand. */
const ambient: readonly { what: RegExp; where: readonly string[] }[] = [
  { what: /\bprocess\.(env|cwd)\b/, where: ['cli.ts', 'store/', 'util/', 'dev/', 'testing/'] },
  { what: /\bDate\.now\b/, where: ['cli.ts', 'store/', 'util/', 'dev/', 'testing/'] },
  { what: /\bprocess\.exit\b/, where: ['cli.ts', 'dev/', 'testing/'] },
  { what: /\bshell: true\b/, where: [] },
];

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => !file.startsWith('e2e/'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

const folderOf = (file: string): string =>
  file.includes('/') ? (file.split('/')[0] ?? '') : 'top';

const imports = files.flatMap(({ file, text }) =>
  [...text.matchAll(/^(?:import|export)\b[^;'`]*?from '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    (match) => ({ file, to: match[1] ?? match[2] ?? '' }),
  ),
);

test('there are files to check', () => {
  expect(files.length).toBeGreaterThan(40);
  expect(imports.length).toBeGreaterThan(100);
});

test('folders import only what the table allows', () => {
  const broken = imports
    .filter(({ to }) => to.startsWith('.'))
    .map(({ file, to }) => ({ file, to: relative('.', normalize(join(dirname(file), to))) }))
    .filter(({ file, to }) => {
      if (file === 'cli.ts') return false;
      const [from, target] = [folderOf(file), folderOf(to)];
      return from !== target && !(allowed[from] ?? []).includes(target);
    })
    .map(({ file, to }) => `${file} imports ${to}`);
  expect(broken).toEqual([]);
});

test('each package has one home', () => {
  const broken = imports
    .filter(({ to }) => !to.startsWith('.') && !to.startsWith('node:'))
    .filter(({ file, to }) => !(homes[to] ?? []).some((home) => file.startsWith(home)))
    .map(({ file, to }) => `${file} imports ${to}`);
  expect(broken).toEqual([]);
});

test('environment, clock and exit are handed in', () => {
  const broken = ambient.flatMap(({ what, where }) =>
    files
      .filter(({ file, text }) => what.test(text) && !where.some((place) => file.startsWith(place)))
      .map(({ file }) => `${file} uses ${what.source}`),
  );
  expect(broken).toEqual([]);
});

test('no default exports, no enums, no classes but for live things and FailureError', () => {
  const broken = files.flatMap(({ file, text }) =>
    [
      ...text.matchAll(
        /^export default|^(?:export )?(?:const )?enum \w+|^(?:export )?class (?!FailureError|StepFailed)\w+/gm,
      ),
    ].map((match) => `${file}: ${match[0]}`),
  );
  expect(broken).toEqual([]);
});
