// The project's own variants, and what a mistake in one looks like.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { mergeFragments, parseConfig } from '../kernel/kconfig.ts';
import { loadFragments, loadSuites, loadTopologies } from './load.ts';
import { loadVariant, loadVariants } from './variant.ts';

const project = join(import.meta.dirname, '../..');
const variants = [...(await loadVariants(project)).values()];
const suites = await loadSuites(project);
const topologies = await loadTopologies(project);

const scratch = await mkdtemp(join(tmpdir(), 'pgmap-variant-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

test('the five debug variants are there', () => {
  expect(variants.map(({ name }) => name)).toEqual([
    ...['kasan', 'kcsan', 'kmemleak', 'lockdep', 'ubsan'],
  ]);
});

test.each(variants)('$name asks for what it requires, and wins over the base', async (variant) => {
  const base = await loadFragments(project, ['base', 'debug', 'injection', 'swap']);
  const own = parseConfig(variant.fragment);
  const { symbols } = mergeFragments([...base, { name: variant.name, text: variant.fragment }]);
  expect(own.size).toBeGreaterThan(1);
  for (const [symbol, value] of own) expect(symbols.get(symbol), symbol).toBe(value);
  // PROVE_RCU follows from PROVE_LOCKING and cannot be asked for.
  for (const symbol of variant.required.filter((one) => one !== 'PROVE_RCU'))
    expect(own.get(symbol), symbol).toBe('y');
});

test.each(variants)('$name: what it makes exceptions for is there', ({ allow, skip }) => {
  const paths = [...suites.values()].flatMap(({ name, tests }) => [
    name,
    ...tests.map((one) => `${name} > ${one.name}`),
  ]);
  for (const { during = [] } of allow) for (const one of during) expect(paths).toContain(one);
  for (const { test: path, topologies: places = [] } of skip) {
    expect(paths).toContain(path);
    for (const place of places) expect([...topologies.keys()]).toContain(place);
  }
});

test('none asked for is none', async () => {
  expect(await loadVariant(project, undefined)).toBeUndefined();
  expect((await loadVariant(project, 'kasan'))?.required).toContain('KASAN');
});

const failureOf = async (work: Promise<unknown>): Promise<{ code: string; text: string }> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FailureError)) throw new Error(`no failure: ${String(error)}`);
  const { code, detail = '', title } = error.failure;
  return { code, text: `${title}\n${detail}` };
};

test('one that is not there is a usage error that names those that are', async () => {
  const { code, text } = await failureOf(loadVariant(project, 'kazan'));
  expect(code).toBe('unknown-variant');
  expect(text).toContain('kasan, kcsan, kmemleak, lockdep, ubsan');
});

const kmemleak = await readFile(join(project, 'configs/variants/kmemleak.yaml'), 'utf8');
test.each([
  ['config: |\n', 'config: |\n  CONFIG_X = y\n', 'lines of a kconfig fragment'],
  [/^slower: .*$/m, 'slower: 0.5', '>=1'],
  [/^slower: .*$/m, 'faster: 2', 'Unrecognized key'],
  [
    /^required: .*$/m,
    'required: [CONFIG_KASAN]\nskip: [{ test: hmm, reason: x }]',
    "'suite > test'",
  ],
  [/^name: .*$/m, 'name: other', 'must be like its file'],
  [/splat: .*$/m, "splat: '('", 'not a regular expression'],
])('%s → %s', async (what, by, said) => {
  const dir = join(scratch, 'configs/variants');
  await mkdir(dir, { recursive: true });
  const text = kmemleak.replace(what, by);
  expect(text).not.toBe(kmemleak);
  await writeFile(join(dir, 'kmemleak.yaml'), text);
  const failure = await failureOf(loadVariants(scratch));
  expect(failure.code).toBe('bad-yaml');
  expect(failure.text).toContain(said);
});

test('a project without variants has none', async () => {
  expect((await loadVariants(join(scratch, 'nothing'))).size).toBe(0);
});
