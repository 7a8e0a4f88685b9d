// Temporary files of processes that live, that exit, and that were killed.
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { removeTemp, sweepTemp, tempBeside } from './temp.ts';

/** A program that makes a temporary folder and file in `dir` and says so; then it waits. */
const program = (dir: string, then: string): string[] => [
  '--input-type=module',
  '--eval',
  `import { mkdirSync, writeFileSync } from 'node:fs';
   import { tempBeside, tempFolder } from ${JSON.stringify(join(import.meta.dirname, '../../dist/util/temp.js'))};
   const folder = tempBeside(${JSON.stringify(join(dir, 'entry'))});
   mkdirSync(folder);
   writeFileSync(folder + '/half', '');
   await tempFolder('qmp', { socket: true });
   console.log('ready');
   ${then}`,
];

test('what a killed process has left is taken away, what a living one has is not', async () => {
  await using at = await scratch();
  const env = { ...process.env, TMPDIR: at.dir };
  const child = spawn(process.execPath, program(at.dir, 'setInterval(() => 0, 1000);'), { env });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const before = (await readdir(at.dir)).sort();
  expect(before).toHaveLength(2);
  await sweepTemp([at.dir]);
  expect((await readdir(at.dir)).sort()).toEqual(before);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  await sweepTemp([at.dir]);
  expect(await readdir(at.dir)).toEqual([]);
});

test('a process that exits takes its own away', async () => {
  await using at = await scratch();
  const env = { ...process.env, TMPDIR: at.dir };
  const said = execFileSync(process.execPath, program(at.dir, 'process.exit(0);'), { env });
  expect([String(said), await readdir(at.dir)]).toEqual(['ready\n', []]);
});

test('names that are like it, of others or that lead elsewhere, do no harm', async () => {
  await using at = await scratch();
  const kept = ['pgmap-rig-abc', 'pgmap-1a2b3c4d', 'notes', '.pgmap-tmp-123-old-style'];
  for (const name of kept) await writeFile(join(at.dir, name), '');
  const ours = tempBeside(join(at.dir, 'x'));
  await writeFile(ours, '');
  // Of a process with our number that started at another time.
  const dead = basename(ours).replace(/\.[0-9a-z]+-(?=[0-9a-f]{8}-x$)/, '.1-');
  const target = join(at.dir, 'target');
  await mkdir(target);
  await writeFile(join(target, 'file'), '');
  await symlink(target, join(at.dir, dead));
  await sweepTemp([at.dir, join(at.dir, 'not-there')]);
  expect((await readdir(at.dir)).sort()).toEqual([...kept, basename(ours), 'target'].sort());
  expect(await readdir(target)).toEqual(['file']);
  // Of another boot nobody knows, but for a week.
  const other = join(at.dir, basename(ours).replace(/tmp-[0-9a-f]{8}/, 'tmp-00000000'));
  await writeFile(other, '');
  await sweepTemp([at.dir]);
  expect(await readdir(at.dir)).toContain(basename(other));
  await utimes(other, 1, 1);
  await sweepTemp([at.dir]);
  expect(await readdir(at.dir)).not.toContain(basename(other));
  await removeTemp(ours);
});
