import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSuites, loadTopologies } from './load.ts';
import { knownFailuresSchema, loadKnownFailures } from './known.ts';
import { parseYaml } from './yaml.ts';

const projectDir = join(import.meta.dirname, '../..');
const entry = (text: string) =>
  parseYaml(
    `failures:\n  - { reason: r, expires: 2027-01-31, ${text} }\n`,
    'k',
    knownFailuresSchema,
  );

test('an entry is read as it stands', () => {
  expect(
    entry("test: s > t, splat: '^W', kernel: { to: '6.12' }, link: 'https://example.org/'"),
  ).toEqual({
    failures: [
      {
        ...{ test: 's > t', splat: '^W', kernel: { to: '6.12' }, link: 'https://example.org/' },
        ...{ reason: 'r', expires: '2027-01-31' },
      },
    ],
  });
});

test.each([
  ['neither test nor splat', 'topology: t'],
  ['a broken regular expression', "splat: '('"],
  ['a kernel that is no release', "test: s, kernel: { from: 'next' }"],
  ['a link that is none', 'test: s, link: there'],
  ['an unknown key', 'test: s, during: t'],
])('%s is refused', (_, text) => {
  expect(() => entry(text)).toThrow('bad-yaml');
});

test.each(['', ', expires: 2027-02-30', ', expires: soon'])(
  'an entry needs a last day: %s',
  (day) => {
    const text = `failures: [{ test: s, reason: r${day} }]`;
    expect(() => parseYaml(text, 'k', knownFailuresSchema)).toThrow('expires');
  },
);

test("the project's own entries name tests and topologies that there are", async () => {
  const suites = await loadSuites(projectDir);
  const topologies = await loadTopologies(projectDir);
  for (const one of await loadKnownFailures(projectDir)) {
    const [suite, name] = one.test?.split('>').map((level) => level.trim()) ?? [];
    if (suite !== undefined) expect([...suites.keys()]).toContain(suite);
    if (name !== undefined)
      expect(suites.get(suite ?? '')?.tests.map((each) => each.name)).toContain(name);
    if (one.topology !== undefined) expect([...topologies.keys()]).toContain(one.topology);
  }
});
