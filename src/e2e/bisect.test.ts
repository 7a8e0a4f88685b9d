// A series of five patches bisected on real kernels; long histories are for `npm run bench -- --bisect`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bisectSchema } from '../config/bisect-results.ts';
import { series } from '../testing/series/series.ts';
import { pgmap, scratch } from './pgmap.ts';

/** Faults that show each time: what it takes to measure that is measured by `npm run bench -- --bisect`. */
const always = ['--rate', '1'];

const reportIn = (dir: string) =>
  bisectSchema.parse(JSON.parse(readFileSync(join(dir, 'bisect.json'), 'utf8')));

beforeAll(async () => {
  const { code, stderr } = await pgmap('build', '--source', 'distro:6.12');
  expect(code, stderr).toBe(0);
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
