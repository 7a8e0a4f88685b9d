import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitsBetween } from '../tree/history.ts';
import { openTree } from '../tree/source.ts';
import { fakeTree, scratch, userGit } from './fakelinux/fakelinux.ts';
import { faultPlaces, kernelHistory } from './kernel-history.ts';

test.each([
  ['the main line', 20],
  ['the side branch', 12],
  ['the beginning', 0],
  ['the end', 63],
])('sixty-four commits, and the fault in one of them: %s', async (_, at) => {
  expect(faultPlaces).toContain(at);
  await using place = await scratch();
  const from = await fakeTree(join(place.dir, 'linux'));
  const base = await userGit(from, 'rev-parse', 'HEAD');
  const fault = join(place.dir, 'fault.diff');
  await writeFile(
    fault,
    `a fault

--- a/mm/memremap.c
+++ b/mm/memremap.c
@@ -7,6 +7,6 @@
 {
 	if (type == 0)
 		return -22;
-	mapped++;
+	mapped--;
 	return 0;
 }
`,
  );
  const objects = join(from, '.git/objects');
  const made = await kernelHistory(
    { objects, base },
    { patch: fault, at },
    join(place.dir, 'made'),
  );
  const source = await openTree(made.tree, 'master', place.ctx);
  expect(source.commit).toBe(made.commits[63]);
  const rows = await commitsBetween(
    source,
    [base],
    source.commit,
    { firstParent: false },
    place.ctx,
  );
  expect(rows.map(([id = '']) => id).sort()).toEqual([...made.commits].sort());
  expect(rows.filter((row) => row.length === 3).map(([id]) => id)).toEqual([made.commits[18]]);

  // The fault comes with its commit, and stays.
  const has = async (text: string): Promise<number[]> => {
    const found: number[] = [];
    for (const [number, id] of made.commits.entries())
      if ((await userGit(made.tree, 'show', `${id}:mm/memremap.c`)).includes(text))
        found.push(number);
    return found;
  };
  const faulty = await has('mapped--');
  expect(faulty).toContain(at);
  expect(faulty.at(-1)).toBe(63);
  // Beside the side branch there is nothing of it.
  const beside = at >= 10 && at <= 15 ? [16, 17] : [];
  const after = made.commits.map((__, number) => number).filter((number) => number >= at);
  expect(faulty).toEqual(after.filter((number) => !beside.includes(number)));
  expect(await has('#error')).toEqual([30, 31, 32, 33, 34, 35, 36, 37]);
  expect(await has('panic(')).toEqual([45]);
  expect(made.culprit).toBe(made.commits[at]);
});
