// The command line of the bench.
import { expect, test } from 'vitest';
import { readOptions } from './options.ts';

test('a folder is enough', () => {
  expect(readOptions(['dir'])).toEqual({
    dir: 'dir',
    source: ['--source', 'distro:6.12'],
    only: [],
    suites: [],
    allSuites: false,
    quick: false,
    base: false,
    again: false,
  });
});

test('names may be given as files', () => {
  const argv =
    'dir --source distro:6.1 --only a --only x/b.patch --all-suites --suite kmem --quick --base --again';
  expect(readOptions(argv.split(' '))).toEqual({
    dir: 'dir',
    source: ['--source', 'distro:6.1'],
    only: ['a', 'b'],
    suites: ['kmem'],
    allSuites: true,
    quick: true,
    base: true,
    again: true,
  });
});

test("a tree of one's own", () => {
  expect(readOptions(['dir', '--tree', '/linux']).source).toEqual(['--tree', '/linux']);
});

test.each([
  [[]],
  [['a', '--tree', 'x', '--source', 'distro']],
  [['a', 'b']],
  [['a', '--onyl', 'x']],
  [['a', '--only']],
])('%j is refused', (argv) => {
  expect(() => readOptions(argv)).toThrow(/^usage: /);
});
