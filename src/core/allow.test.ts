import { expect, test } from 'vitest';
import { allowFor } from './allow.ts';

const anywhere = { splat: '^WARNING in b', reason: 'everybody does it' };
const narrow = { splat: '^WARNING in a$', during: ['one', 'two'], reason: 'these provoke it' };
const by = { splat: '^leak$', text: 'one_init\\+', reason: 'known of that function' };
const suite = { name: 's', allow: [narrow, anywhere, by] };

test.each<[string, string, string[], unknown]>([
  ['in the test', 'WARNING in a', ['s > one'], narrow],
  ['in one of two tests that may', 'WARNING in a', ['s > one', 's > two'], narrow],
  ['in a test that may not', 'WARNING in a', ['s > three'], undefined],
  ['in both at once', 'WARNING in a', ['s > one', 's > three'], undefined],
  ['in the test of that name of another suite', 'WARNING in a', ['t > one'], undefined],
  ['in no test', 'WARNING in a', [], undefined],
  ['of another title', 'WARNING in ab', ['s > one'], undefined],
  ['allowed anywhere, in a test', 'WARNING in b2', ['s > three'], anywhere],
  ['allowed anywhere, in no test', 'WARNING in b', [], anywhere],
])('a report %s', (_, title, during, wanted) => {
  expect(allowFor(suite, { title, text: '' }, during)).toBe(wanted);
});

test('a report whose text is known, and one of the same title that is another', () => {
  expect(allowFor(suite, { title: 'leak', text: ' kmalloc\n one_init+0x4/0x8\n' }, [])).toBe(by);
  expect(allowFor(suite, { title: 'leak', text: ' kmalloc\n another+0x4/0x8\n' }, [])).toBe(
    undefined,
  );
});
