// A series patch by patch on a tree of a few files: what is built, what the compiler says anew, whose fault it is. And what
// a series does to those who only compile against the header.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { callerFailure, checkCallers } from './callers.ts';
import type { EventBody } from '../core/event.ts';
import type { PatchInfo } from '../core/patch.ts';
import { buildEach } from './build-each.ts';
import { layoutChange } from './layout.ts';
import type { Lab, RunRequest } from '../run/request.ts';
import { kernelRequest, typeNames } from '../run/tested-kernel.ts';
import { ensureKernel } from '../kernel/build.ts';
import { fakeTree, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { applySeries } from '../tree/series.ts';
import { openTree } from '../tree/source.ts';

vi.setConfig({ testTimeout: 120_000 });

const memremap = 'mm/memremap.c';
const header = 'include/linux/memremap.h';

/** Replaces a text in one file of the tree. */
interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const source = await openTree(tree, 'HEAD', at.ctx);
  const lab: Lab = {
    projectDir: join(import.meta.dirname, '../..'),
    stateDir: join(at.dir, 'state'),
    qemu: 'qemu-system-x86_64',
    cpus: 2,
    memoryBytes: 2 ** 30,
    version: '0',
  };
  const request = (series: string): RunRequest => ({
    source: { kind: 'tree', dir: tree },
    series: [series],
    configFiles: [],
    selection: { types: [], suites: [], topologies: [], tests: [] },
    accel: 'tcg',
    jobs: 1,
    command: [],
  });
  const place = { id: 'run', dir: join(at.dir, 'run'), startedAt: '', argv: [] };
  /** A commit per edit on the base; each is a patch. */
  const apply = async (...edits: readonly Edit[]) => {
    await userGit(tree, 'checkout', '--quiet', '--detach', source.commit);
    for (const [index, { file, from, to }] of edits.entries()) {
      const path = join(tree, file);
      const text = await readFile(path, 'utf8');
      if (!text.includes(from)) throw new Error(`${file} does not have '${from}'`);
      await writeFile(path, text.replace(from, to));
      await userGit(tree, 'commit', '--quiet', '--all', '--message', `change ${index + 1}`);
    }
    const head = await userGit(tree, 'rev-parse', 'HEAD');
    const range = `${source.commit}..${head}`;
    return { range, applied: await applySeries(source, [range], at.ctx) };
  };
  const each = async (...edits: readonly Edit[]) => {
    const { range, applied } = await apply(...edits);
    const events: EventBody[] = [];
    const one = { request: request(range), lab, place, applied };
    const built = await buildEach(one, (event) => events.push(event), at.ctx);
    const end = events.find((event) => event.type === 'step-end');
    return { patches: built.map(({ info }) => info), events, end };
  };
  /** Builds the base's kernel, whose object folder others build on. */
  const objects = async (): Promise<string> => {
    const wanted = await kernelRequest(request(''), lab, source, at.ctx);
    await ensureKernel(wanted, at.ctx);
    return wanted.objects;
  };
  return { ...at, tree, source, apply, each, objects };
}

const comment = { file: memremap, from: '#include', to: '/* Counts. */\n\n#include' };
const breaks = { file: memremap, from: 'mapped++;', to: 'mapped += one;' };
const repairs = { file: memremap, from: 'mapped += one;', to: 'mapped += 3;' };
const warns = { file: memremap, from: 'static int mapped;', to: 'static int mapped, unused;' };
const moves = { file: memremap, from: '#include', to: '/* One\n * more.\n */\n#include' };
const mends = { file: memremap, from: 'mapped, unused;', to: 'mapped;' };
const unused = "mm/memremap.c: 'unused' defined but not used [-Wunused-variable]";

const told = ({ build, image, sameAs, newWarnings, fixedWarnings, otherWarnings }: PatchInfo) => [
  build,
  sameAs === undefined ? image : `${image} as ${sameAs}`,
  ...newWarnings.map((name) => `+ ${name}`),
  ...fixedWarnings.map((name) => `- ${name}`),
  ...otherWarnings.map((name) => `? ${name}`),
];

test('a series that breaks at 2 is mended at 3, and the others are told apart by what they change', async () => {
  await using at = await rig();
  const { patches, end } = await at.each(comment, breaks, repairs, warns, moves, mends);
  expect(patches.map(told)).toEqual([
    ['PASS', 'same as 0'],
    ['FAIL', 'none'],
    ['PASS', 'changed'],
    ['PASS', 'changed', `+ ${unused}`],
    ['PASS', 'same as 4'],
    ['PASS', 'changed as 3', `- ${unused}`],
  ]);
  expect(patches[1]?.failure?.title).toMatch(/^mm\/memremap\.c:\d+:\d+: error: .one. undeclared/);
  expect(end).toMatchObject({
    status: 'FAIL',
    failure: {
      blame: 'series',
      code: 'patch-does-not-build',
      title: "patch 2/6 'change 2' does not build (repaired by patch 3)",
      detail: expect.stringContaining('mm/memremap.c:'),
    },
  });

  // From the cache it is all the same, the warnings included; only what does not build is tried again.
  const before = at.said.length;
  const again = await at.each(comment, breaks, repairs, warns, moves, mends);
  expect(again.patches.map(told)).toEqual(patches.map(told));
  expect(again.patches.map((patch) => patch.cached)).toEqual([true, false, true, true, true, true]);
  const built = at.said.slice(before).filter((line) => line.includes('building the kernel:'));
  expect(built.filter((line) => !line.startsWith('patch 2/6'))).toEqual([]);
});

test('a series that never builds again is not called repaired, and one that builds PASSes', async () => {
  await using at = await rig();
  const { end } = await at.each(comment, breaks);
  expect(end).toMatchObject({ failure: { title: "patch 2/2 'change 2' does not build" } });
  const good = await at.each(comment, { file: memremap, from: 'mapped++;', to: 'mapped += 2;' });
  expect(good.end).toMatchObject({ step: 'each', status: 'PASS' });
  expect(good.events.filter((event) => event.type === 'patch')).toHaveLength(2);
});

test('a patch is not to blame where the base does not build either', async () => {
  await using at = await rig();
  await writeFile(join(at.tree, 'FAIL'), 'bzImage\n');
  await userGit(at.tree, 'commit', '--quiet', '--all', '--message', 'broken base');
  const base = await openTree(at.tree, 'HEAD', at.ctx);
  await writeFile(join(at.tree, 'mm/other.c'), '');
  await userGit(at.tree, 'add', '--all');
  await userGit(at.tree, 'commit', '--quiet', '--message', 'no help');
  await writeFile(join(at.tree, 'FAIL'), '');
  await userGit(at.tree, 'commit', '--quiet', '--all', '--message', 'mend it');
  const applied = await applySeries(base, [`${base.commit}..HEAD`], at.ctx);
  const events: EventBody[] = [];
  const built = await buildEach(
    {
      ...{ applied, place: { id: '', dir: at.dir, startedAt: '', argv: [] } },
      lab: {
        ...{
          projectDir: join(import.meta.dirname, '../..'),
          stateDir: at.dir,
          qemu: '',
          version: '',
        },
        ...{ cpus: 2, memoryBytes: 2 ** 30 },
      },
      request: {
        ...{ source: { kind: 'tree', dir: at.tree }, series: [], configFiles: [], accel: 'tcg' },
        selection: { types: [], suites: [], topologies: [], tests: [] },
        ...{ jobs: 1, command: [] },
      },
    },
    (event) => events.push(event),
    at.ctx,
  );
  expect(built.map(({ info }) => info.build)).toEqual(['MISS', 'PASS']);
  expect(events.at(-1)).toMatchObject({ type: 'step-end', status: 'PASS' });
});

test('callers that the configuration leaves out: those that stop compiling are named with the error', async () => {
  await using at = await rig();
  const objects = await at.objects();
  const elsewhere = {
    file: 'drivers/fake/elsewhere.c',
    status: 'SKIP',
    reason: expect.stringContaining('asm/not-here.h: No such file'),
  };
  const other = {
    file: 'arch/powerpc/kvm/fake.c',
    status: 'SKIP',
    reason: 'is for another architecture, powerpc',
  };
  const harmless = await at.apply(comment);
  const fine = await checkCallers(at.source, harmless.applied.source, objects, at.ctx);
  expect(fine).toEqual([other, elsewhere, { file: 'drivers/fake/user.c', status: 'PASS' }]);
  expect(callerFailure(fine)).toBeUndefined();

  const { applied } = await at.apply({
    ...{ file: header, from: 'int memremap_pages(enum', to: 'int memremap_pages(int node, enum' },
  });
  const callers = await checkCallers(at.source, applied.source, objects, at.ctx);
  expect(callers).toEqual([
    ...[other, elsewhere],
    {
      ...{ file: 'drivers/fake/user.c', status: 'FAIL' },
      reason: expect.stringMatching(/^line 9: error: too few arguments/),
    },
  ]);
  expect(callerFailure(callers)).toMatchObject({
    blame: 'series',
    code: 'caller-does-not-compile',
  });
  // Known from before: nothing is compiled, and the answer is the same.
  const said = at.said.length;
  expect(await checkCallers(at.source, applied.source, objects, at.ctx)).toEqual(callers);
  expect(at.said).toHaveLength(said);
});

test('the layout of struct dev_pagemap and enum memory_type, as lines of a diff', async () => {
  await using at = await rig();
  const objects = await at.objects();
  const change = async (...edits: Edit[]): Promise<string[]> =>
    layoutChange(at.source, (await at.apply(...edits)).applied.source, objects, at.ctx);
  expect(await change(comment)).toEqual([]);
  expect(
    await change({
      file: header,
      from: 'struct dev_pagemap {',
      to: '/* a note */\nstruct dev_pagemap {',
    }),
  ).toEqual([]);
  expect(
    await change(
      { file: header, from: 'void *owner;', to: 'unsigned long cookie;\n\tvoid *owner;' },
      { file: header, from: 'MEMORY_DEVICE_GENERIC,', to: 'MEMORY_DEVICE_DEVDAX,' },
    ),
  ).toEqual([
    'struct dev_pagemap, 32 -> 40 bytes:',
    '  + cookie: offset 8, 8 bytes',
    '  ~ owner: offset 8 -> 16',
    '  ~ nr_range: offset 16 -> 24',
    '  ~ range: offset 24 -> 32',
    '  ~ ranges: offset 24 -> 32',
    'enum memory_type:',
    '  - MEMORY_DEVICE_GENERIC: 4',
    '  + MEMORY_DEVICE_DEVDAX: 4',
  ]);
});

test('an enumerator that a series renames, and one that it brings', async () => {
  await using at = await rig();
  const names = async (...edits: Edit[]) =>
    typeNames(at.source, (await at.apply(...edits)).applied.source, at.ctx);
  expect(await names(comment)).toMatchObject({ renamed: {}, added: [] });
  const rename = { file: header, from: 'MEMORY_DEVICE_GENERIC,', to: 'MEMORY_DEVICE_DEVDAX,' };
  const bring = { file: header, from: 'PCI_P2PDMA,', to: 'PCI_P2PDMA,\n\tMEMORY_DEVICE_CXL,' };
  expect(await names(rename, bring)).toMatchObject({
    renamed: { MEMORY_DEVICE_GENERIC: 'MEMORY_DEVICE_DEVDAX' },
    added: ['MEMORY_DEVICE_CXL'],
  });
});
