import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Reach } from '../core/reach.ts';
import { loadReach, reachPath, reachText } from './reach.ts';

const reach: Reach = {
  release: '6.12.117',
  recordings: 2,
  watched: { 'mm/b.c': ['b1', 'b2'], 'mm/a.c': ['a1', 'a2?'] },
  headers: { 'mm/a.h': ['mm/a.c'] },
  jobs: {
    's@t': {
      boot: { 'mm/a.c': ['a1'] },
      tests: {
        'one, [two] and "three"': { 'mm/a.c': ['a1', 'a2?'], 'mm/b.c': ['b1'] },
        other: { 'mm/a.c': ['a1'], 'mm/b.c': ['b1', 'b2'] },
      },
    },
    'alone@t': { boot: {}, tests: { single: { 'mm/b.c': ['b2'] } } },
  },
};

async function project(text?: string) {
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-reach-'));
  await mkdir(join(dir, 'configs'));
  if (text !== undefined) await writeFile(reachPath(dir), text);
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

test('what is written is read again', async () => {
  await using at = await project(reachText(reach));
  expect(await loadReach(at.dir)).toEqual(reach);
});

test('the order in which things were recorded makes no difference, and a list is a line', () => {
  const turned: Reach = {
    ...reach,
    watched: Object.fromEntries(Object.entries(reach.watched).toReversed()),
    jobs: Object.fromEntries(Object.entries(reach.jobs).toReversed()),
  };
  expect(reachText(turned)).toBe(reachText(reach));
  expect(reachText(reach)).toContain('"mm/b.c": ["b1", "b2"]');
});

test('what every test of a job enters is written once', () => {
  expect(reachText(reach).match(/"b1"/g)).toHaveLength(2);
});

test('nothing recorded is no failure; something else in its place is', async () => {
  await using none = await project();
  expect(await loadReach(none.dir)).toBeUndefined();
  for (const text of ['', '{', '[]', '{"release":1}', '{"jobs":{"a":{"tests":[]}}}']) {
    await using bad = await project(text);
    await expect(loadReach(bad.dir)).rejects.toMatchObject({ failure: { code: 'bad-reach' } });
  }
});
