// Bisections on real kernels: sixty-four commits with a fault at a place drawn at random, and a series of five patches.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bisectSchema } from '../config/bisect-results.ts';
import { historyOf } from '../dev/bench/bisect.ts';
import { cases } from '../dev/bench/bisect-cases.ts';
import { randomFrom } from '../testing/bisect-play.ts';
import { faultPlaces } from '../testing/kernel-history.ts';
import { series } from '../testing/series/series.ts';
import { pgmap, scratch } from './pgmap.ts';

// Another place each time; PGMAP_SEED=N repeats one.
const seed = Number(process.env['PGMAP_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Faults that show each time: what it takes to measure that is measured by `npm run bench -- --bisect`. */
const always = ['--rate', '1'];

const reportIn = (dir: string) =>
  bisectSchema.parse(JSON.parse(readFileSync(join(dir, 'bisect.json'), 'utf8')));

beforeAll(async () => {
  const { code, stderr } = await pgmap('build', '--source', 'distro:6.12');
  expect(code, stderr).toBe(0);
});

test(`one of sixty-four commits, among some that do not compile or boot; seed ${seed}`, async () => {
  using place = scratch();
  const one = cases.find(({ mutant }) => mutant === 'devdax-first-page');
  if (one === undefined) throw new Error('no such case');
  const at = faultPlaces[Math.floor(randomFrom(seed)() * faultPlaces.length)] ?? 0;
  // A header that all of the kernel includes is left to the bench: it takes minutes.
  const history = await historyOf(one, at, { header: false, obstacles: true });
  const out = join(place.dir, 'out');
  const { code, stderr, stdout } = await pgmap(
    ...['bisect', '--tree', history.tree, '--good', history.base, '--bad', 'master', ...always],
    ...['--topology', one.topology, '--test', one.test, '--out', out],
  );
  expect(code, stderr).toBe(0);
  const { answer, effort, proof } = reportIn(out);
  expect(answer, stdout).toMatchObject({ kind: 'culprit', commit: history.culprit });
  expect(proof).toMatchObject({
    again: { bad: 3, of: 3 },
    bases: [{ good: 1 }],
    revert: { applies: true, passes: true },
  });
  // At worst, for a fault beside them, each of the nine that do not compile or boot is tried, and none twice.
  expect(effort.searched).toBeLessThanOrEqual(effort.least + 9);
  expect(stdout).toContain('Subject: [REGRESSION]');
});

test('the patch of a series that breaks a type', async () => {
  using place = scratch();
  const out = join(place.dir, 'out');
  const { code, stderr, stdout } = await pgmap(
    ...['bisect', '--source', 'distro:6.12', series.coherentLinearMap, ...always, '--out', out],
    ...['--test', 'hmm-coherent > unloads in time and leaves nothing behind'],
  );
  expect(code, stderr).toBe(0);
  const { answer, commits, proof } = reportIn(out);
  expect(answer, stdout).toMatchObject({ kind: 'culprit' });
  const titles = [
    ...readFileSync(series.coherentLinearMap, 'utf8').matchAll(/^Subject: \[PATCH 3\/5\] (.*)$/gm),
  ];
  const culprit = commits.find(({ id }) => answer.kind === 'culprit' && id === answer.commit);
  expect(culprit?.title).toBe(titles[0]?.[1]);
  expect(proof?.revert).toMatchObject({ applies: true, passes: true });
});
