// Histories as git has them: a merge, a branch from before, a shallow past.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeGraph } from '../core/bisect/graph.ts';
import { fakeTree, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import {
  commitBefore,
  commitsBetween,
  describeCommits,
  mergeBases,
  reverseDiff,
} from './history.ts';
import { openTree } from './source.ts';

test('a history with a merge, as a graph', async () => {
  await using place = await scratch();
  const { ctx } = place;
  const tree = await fakeTree(join(place.dir, 'linux'));
  const commit = async (title: string): Promise<string> => {
    await writeFile(join(tree, 'note'), `${title}\n`, { flag: 'a' });
    await userGit(tree, 'add', 'note');
    await userGit(tree, 'commit', '--quiet', '-m', title);
    return userGit(tree, 'rev-parse', 'HEAD');
  };
  const base = await userGit(tree, 'rev-parse', 'HEAD');
  const good = await commit('good');
  const left = await commit('left');
  await userGit(tree, 'checkout', '--quiet', '-b', 'side', base);
  await userGit(tree, 'commit', '--quiet', '--allow-empty', '-m', 'side');
  const side = await userGit(tree, 'rev-parse', 'HEAD');
  await userGit(tree, 'checkout', '--quiet', '-');
  await userGit(tree, 'merge', '--quiet', '--no-ff', '-m', 'merge', 'side');
  const merge = await userGit(tree, 'rev-parse', 'HEAD');
  const bad = await commit(
    'bad\n\nReported-by: A Person <a@example.org>\nCc: x <x@example.org> # 6.12',
  );

  const source = await openTree(tree, 'HEAD', ctx);
  const rows = await commitsBetween(source, [good], bad, { firstParent: false }, ctx);
  expect(rows[0]).toEqual([bad, merge]);
  expect(rows).toContainEqual([merge, left, side]);
  expect(rows).toContainEqual([side, base]);
  expect(rows).toHaveLength(4);
  expect(makeGraph(rows).ids.at(-1)).toBe(bad);
  expect(await commitsBetween(source, [good], bad, { firstParent: true }, ctx)).toEqual([
    [bad, merge],
    [merge, left],
    [left, good],
  ]);

  expect(await mergeBases(source, left, side, ctx)).toEqual([base]);
  expect(await mergeBases(source, good, bad, ctx)).toEqual([good]);
  expect(await commitBefore(source, bad, 2, ctx)).toBe(left);
  // Four first parents are there: eight back is the first of all, sixteen is nothing new.
  expect(await commitBefore(source, bad, 4, ctx)).toBe(base);
  expect(await commitBefore(source, bad, 5, ctx)).toBe(base);
  expect(await commitBefore(source, bad, 8, ctx)).toBeUndefined();

  const told = await describeCommits(source, [bad, side], ctx);
  expect(told.get(bad)).toMatchObject({
    title: 'bad',
    author: 'Ann Author <ann@example.org>',
    people: ['A Person <a@example.org>', 'x <x@example.org>'],
  });
  expect(told.get(side)?.title).toBe('side');

  const diff = (await reverseDiff(source, bad, ctx)) ?? '';
  expect(diff).toContain('-bad');
  execFileSync('git', ['-C', tree, 'apply', '--check'], { input: diff });
  expect(await reverseDiff(source, base, ctx)).toBeUndefined();
  expect(await reverseDiff(source, side, ctx)).toBe('\n');
});
