// A host that runs short: a full disk in each step, too little memory, a compiler that the kernel killed. It is a MISS with the
// reason, never a FAIL of the tested kernel, and with room again all is well: nothing in the caches is half.
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunResult } from './core/result.ts';
import { commandLine } from './core/shell.ts';
import { bootOk, newRig, type Rig } from './testing/rig.ts';
import { fakeSeries, mark } from './testing/series.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let rig: Rig;
let series: string;
beforeAll(async () => {
  rig = await newRig();
  series = await fakeSeries(rig.dir, rig.tree, 'one', [
    { subject: 'mm/memremap: say what is counted', add: mark('count') },
  ]);
});
afterAll(() => rig[Symbol.asyncDispose]());

const only = ['--suite', 'disk', '--baseline', 'none'];
const argvOn = (tree: string): string[] => ['run', '--tree', tree, '--accel', 'tcg', ...only];

/** Programs that fill the disk when they are called with a word, before they do what they should. */
const fillers = {
  apply: ['git', 'am'],
  checkout: ['git', 'checkout'],
  configure: ['make', 'allnoconfig'],
  build: ['make', 'bzImage'],
  install: ['make', 'modules_install'],
  image: ['dpkg-query', '-W'],
  boot: ['qemu-system-x86_64', '-kernel'],
} as const;

async function filler(bin: string, step: keyof typeof fillers, disk: string): Promise<void> {
  const [name, word] = fillers[step];
  const path = join(bin, name);
  const folders = (process.env['PATH'] ?? '/usr/bin:/bin').split(':');
  if (step === 'boot') await rename(path, `${path}.real`);
  const real = step === 'boot' ? [`${path}.real`] : ['env', `PATH=${folders.join(':')}`, name];
  // A sandbox lets it write to ccache's folder only.
  const files = [`${disk}/filler`, `${disk}/pgmap/ccache/filler`].map((file) =>
    commandLine([file]),
  );
  const fill = files.map((file) => `head -c 300M /dev/zero >${file}`).join('; ');
  await writeFile(
    path,
    `#!/bin/sh\ncase " $* " in *" ${word} "*) { ${fill}; } 2>/dev/null ;; esac\nexec ${commandLine(real)} "$@"\n`,
    { mode: 0o755 },
  );
}

/**
 * In a mount namespace of its own, which needs no root: a small disk at `$1`; then the command; then, with the filler gone
 * and programs as they should be, what `$2` says. Files that are on that disk are copied to `$3`. Exit codes: of the first
 * in `$3/code`, of the second the whole's.
 */
const onSmallDisk = `
set -u
disk=$1 again=$2 keep=$3
shift 3
mount -t tmpfs -o size=48m tmpfs "$disk" || exit 99
"$@"
echo $? >"$keep/code"
cp -r "$disk/run/." "$keep" 2>/dev/null
rm -f "$disk/filler" "$disk/pgmap/ccache/filler"
sh -c "$again"
code=$?
cp -r "$disk/run/." "$keep" 2>/dev/null
exit $code
`;

const resultOf = (dir: string): RunResult =>
  JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as RunResult;

test.each(['apply', 'checkout', 'configure', 'build', 'install', 'image'] as const)(
  'the disk of the cache is full in %s: MISS, what to do about it, and no damage',
  async (step) => {
    const disk = join(rig.dir, 'cache');
    const keep = join(rig.dir, `keep-${step}`);
    for (const dir of [disk, keep]) await mkdir(dir, { recursive: true });
    const [bin, well] = [await rig.qemu(bootOk()), await rig.qemu(bootOk())];
    await filler(bin, step, disk);
    const argv = [...argvOn(rig.tree), series];
    const out = join(rig.dir, `full-${step}`);
    const tool = [process.execPath, join(rig.project, 'dist/cli.js')];
    const path = `${well}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
    const again = [
      commandLine(['cp', join(out, 'results.json'), keep]),
      commandLine(['env', `PATH=${path}`, ...tool, 'run', '--resume', out]),
    ].join(' && ');
    const under = ['unshare', '-Urm', 'sh', '-c', onSmallDisk, 'sh', disk, again, keep];
    const end = await rig.pgmap([...argv, '--out', out], { bin, under });
    const code = Number(readFileSync(join(keep, 'code'), 'utf8'));
    const result = resultOf(keep);
    expect(code, end.stderr).toBe(255);
    expect(result.status).toBe('MISS');
    const failed = result.steps.filter(({ failure }) => failure !== undefined);
    expect(failed.map((one) => [one.status, one.failure?.blame, one.failure?.code])).toEqual([
      ['MISS', 'lab', 'disk-full'],
    ]);
    expect(failed[0]?.failure?.hint).toContain('pgmap clean');
    expect(end.stderr).toContain(`to go on: npx pgmap run --resume ${out}`);
    // It goes on with room, although it had come to its end.
    expect(end.code, end.stderr).toBe(0);
    expect(resultOf(out).status).toBe('PASS');
  },
);

test('the disk of the run is full when guests write to it: no FAIL, and with room it goes on', async () => {
  const disk = join(rig.dir, 'small');
  const keep = join(rig.dir, 'keep-run');
  for (const dir of [disk, keep]) await mkdir(dir, { recursive: true });
  const [bin, well] = [await rig.qemu(bootOk()), await rig.qemu(bootOk())];
  await filler(bin, 'boot', disk);
  const out = join(disk, 'run');
  const path = `${well}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
  const tool = [process.execPath, join(rig.project, 'dist/cli.js')];
  const again = commandLine(['env', `PATH=${path}`, ...tool, 'run', '--resume', out]);
  const under = ['unshare', '-Urm', 'sh', '-c', onSmallDisk, 'sh', disk, again, keep];
  const end = await rig.pgmap([...argvOn(rig.tree), '--out', out], { bin, under });
  expect(Number(readFileSync(join(keep, 'code'), 'utf8')), end.stderr).toBe(255);
  expect(end.stderr).toContain('[lab/disk-full]');
  expect(end.stderr).toContain(`npx pgmap run --resume ${out}`);
  expect(end.code, end.stderr).toBe(0);
  const result = resultOf(keep);
  expect(result.status).toBe('PASS');
  expect(result.notes[0]).toContain('cut short after 0 of 1 jobs');
});

test('a topology that needs more memory than there is, or more disk: MISS', async () => {
  const topology = (name: string, more: string): Promise<void> =>
    writeFile(
      join(rig.project, `configs/topologies/${name}.yaml`),
      `name: ${name}\ndescription: too much\n${more}\n`,
    );
  await topology('huge', 'memory: 900000G');
  await topology('vast', 'memory: 64M\ndevices: [{ type: nvme, id: n0, size: 900000G }]');
  for (const [name, code] of [
    ['huge', 'host-memory'],
    ['vast', 'disk-full'],
  ] as const) {
    const suite = join(rig.project, 'suites', name);
    await mkdir(suite);
    const text = `name: ${name}\ndescription: x\ntopologies: [${name}]\ntests: [{ name: a, run: [./a] }]\n`;
    await writeFile(join(suite, 'suite.yaml'), text);
    const { code: exit, result, stderr } = await rig.run(bootOk(), '--suite', name);
    expect([exit, result.status], stderr).toEqual([255, 'MISS']);
    expect(result.jobs[0]?.failure).toMatchObject({ blame: 'lab', code });
    expect(result.jobs[0]?.failure?.hint).toBeDefined();
  }
});

test('a compiler that the kernel killed says nothing of the series', async () => {
  const bin = await rig.qemu(bootOk());
  const real = commandLine(['env', `PATH=${process.env['PATH'] ?? '/usr/bin:/bin'}`, 'make']);
  const dies = 'echo "gcc: fatal error: Killed signal terminated program cc1" >&2; exit 2';
  const script = `#!/bin/sh\ncase " $* " in *" bzImage "*) ${dies} ;; esac\nexec ${real} "$@"\n`;
  await writeFile(join(bin, 'make'), script, { mode: 0o755 });
  const other = await fakeSeries(rig.dir, rig.tree, 'other', [
    { subject: 'mm/memremap: say it again', add: mark('again') },
  ]);
  const out = join(rig.dir, 'killed-compiler');
  const end = await rig.pgmap([...argvOn(rig.tree), '--out', out, other], { bin });
  expect(end.code, end.stderr).toBe(255);
  const result = resultOf(out);
  expect(result.steps.at(-1)).toMatchObject({
    ...{ step: 'build', status: 'MISS' },
    failure: { blame: 'lab', code: 'host-memory' },
  });
  const well = await rig.run(bootOk(), ...only, other);
  expect([well.code, well.result.status], well.stderr).toEqual([0, 'PASS']);
});

test('a TMPDIR that is too long for the name of a socket is none for sockets', async () => {
  const long = join(rig.dir, 'tmp', 'x'.repeat(90));
  await mkdir(long, { recursive: true });
  const out = join(rig.dir, 'long');
  const argv = [...argvOn(rig.tree), '--out', out];
  const end = await rig.pgmap(argv, { env: { TMPDIR: long } });
  expect(end.code, end.stderr).toBe(0);
});
