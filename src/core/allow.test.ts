import { expect, test } from 'vitest';
import { allowFor } from './allow.ts';

const anywhere = { splat: '^WARNING in b', reason: 'everybody does it' };
const narrow = { splat: '^WARNING in a$', during: ['one', 'two'], reason: 'these provoke it' };
const suite = { name: 's', allow: [narrow, anywhere] };

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
  expect(allowFor(suite, title, during)).toBe(wanted);
});
