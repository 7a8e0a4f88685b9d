// What a build can put in place of a file that we open.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkMade, madeFile, openLog, ourFiles, readMade, removeMade } from './made.ts';

let top: string;
let dir: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'pgmap-made-'));
  dir = join(top, 'objects');
  await mkdir(join(dir, 'mm'), { recursive: true });
  await mkdir(join(top, 'home'));
  await writeFile(join(top, 'home/x.o'), 'mine');
  await writeFile(join(dir, 'mm/x.o'), 'made');
});
afterEach(() => rm(top, { recursive: true, force: true }));

const pipe = (name: string): void => void execFileSync('mkfifo', [join(dir, name)]);
const leadsOut = { failure: { blame: 'series', code: 'build-leads-out' } };

test('a file is a file', async () => {
  expect(await madeFile(dir, 'mm/x.o')).toBe(join(dir, 'mm/x.o'));
  expect(await readMade(dir, 'mm/x.o')).toBe('made');
  await expect(madeFile(dir, 'mm/none.o')).rejects.toMatchObject({
    failure: { code: 'build-incomplete' },
  });
  expect(await readMade(dir, 'none/none.o')).toBeUndefined();
});

test('a link, a pipe, a folder that is a link: refused, and never waited for', async () => {
  await symlink('../../home/x.o', join(dir, 'mm/link.o'));
  await symlink(join(top, 'home'), join(dir, 'away'));
  pipe('mm/pipe.o');
  for (const name of ['mm/link.o', 'away/x.o', 'mm/pipe.o', 'mm']) {
    await expect(madeFile(dir, name), name).rejects.toMatchObject(leadsOut);
    expect(await readMade(dir, name)).toBeUndefined();
  }
  await expect(removeMade(dir, 'away/x.o')).rejects.toMatchObject(leadsOut);
  expect(await readFile(join(top, 'home/x.o'), 'utf8')).toBe('mine');
});

test('folders are looked through', async () => {
  const release = join(dir, 'lib/modules/6.12.0');
  await mkdir(release, { recursive: true });
  await symlink('/usr/src', join(release, 'build'));
  await symlink('../mm/x.o', join(dir, 'lib/inside'));
  await checkMade(dir);
  for (const [name, target] of [
    ['lib/up', '../..'],
    ['lib/nowhere', 'none'],
    ['lib/build', '/etc'],
  ] as const) {
    await symlink(target, join(dir, name));
    await expect(checkMade(dir), name).rejects.toMatchObject(leadsOut);
    await rm(join(dir, name));
  }
  pipe('lib/pipe');
  await expect(checkMade(dir)).rejects.toMatchObject(leadsOut);
});

test('our own files stay, what pretends to be one goes', async () => {
  await writeFile(join(dir, '.pgmap-key'), 'key');
  await symlink('/etc/passwd', join(dir, '.pgmap-steps'));
  await symlink(join(top, 'home/x.o'), join(dir, 'pgmap-build.log'));
  await expect(openLog(join(dir, 'pgmap-build.log'))).rejects.toThrow(/ELOOP/);
  pipe('.pgmap-warnings.json');
  expect(await ourFiles(dir)).toEqual([join(dir, '.pgmap-key')]);
  expect((await readdir(dir)).sort()).toEqual(['.pgmap-key', 'mm']);
  await (await openLog(join(dir, 'pgmap-build.log'))).close();
  expect(await readFile(join(top, 'home/x.o'), 'utf8')).toBe('mine');
});
