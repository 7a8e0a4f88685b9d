import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { PlannedJob } from '../core/plan.ts';
import { findSplats } from './splats.ts';

const dir = mkdtempSync(join(tmpdir(), 'pgmap-splats-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const plan = { suite: { name: 's', allow: [] } } as unknown as Pick<PlannedJob, 'suite'>;

const mark = (what: string, name: string): string => `[    1.000000] pgmap: ${what} s > ${name}\n`;
const oops = (name: string): string => `[    2.000000] ------------[ cut here ]------------
[    2.000001] WARNING: CPU: 1 PID: 66 at mm/x.c:12 ${name}+0x1c5/0x5f0
[    2.000002] CPU: 1 UID: 0 PID: 66 Comm: x Not tainted 6.12.0 #1
[    2.000003] Call Trace:
[    2.000004]  <TASK>
[    2.000005]  ${name}+0x1c5/0x5f0
[    2.000006]  </TASK>
[    2.000007] ---[ end trace 0000000000000000 ]---
`;

test('a report behind a flood of one line without an end is found, with its test and its place', async () => {
  const flood = `${'x'.repeat(5 * 2 ** 20)}\n`;
  const before = `${mark('begin', 'one')}${mark('end', 'one')}${mark('begin', 'two')}${flood}`;
  const path = join(dir, 'flood.log');
  writeFileSync(path, `${before}${oops('guilty')}`);
  const [splat, ...others] = await findSplats(path, 0, plan);
  expect(others).toEqual([]);
  expect(splat).toMatchObject({ title: 'WARNING in guilty', during: ['s > two'] });
  expect(splat?.from).toBe(before.length);
});

test('offsets are those of the file wherever one begins to read, and in whatever pieces it comes', async () => {
  const path = join(dir, 'pieces.log');
  const filler = '[    1.500000] nothing of interest here\n'.repeat(60_000);
  const log = `${mark('begin', 'one')}${filler}${oops('first')}${filler}${oops('second')}`;
  writeFileSync(path, log);
  const all = await findSplats(path, 0, plan);
  expect(all.map(({ title, from }) => [title, from])).toEqual([
    ['WARNING in first', log.indexOf(oops('first'))],
    ['WARNING in second', log.indexOf(oops('second'))],
  ]);
  const since = log.indexOf(oops('second')) - filler.length;
  const [later] = await findSplats(path, since, plan);
  expect(later).toEqual({ ...all[1], during: [] });
});

test('what the console says because it was asked is no report; a file that is not there has none', async () => {
  const path = join(dir, 'asked.log');
  writeFileSync(path, oops('first') + oops('second'));
  const from = oops('first').length;
  const found = await findSplats(path, 0, plan, [{ from, to: 2 * from + 100 }]);
  expect(found.map(({ title }) => title)).toEqual(['WARNING in first']);
  expect(await findSplats(join(dir, 'none.log'), 0, plan)).toEqual([]);
});
