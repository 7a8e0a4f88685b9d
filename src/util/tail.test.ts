import { expect, test } from 'vitest';
import { tail } from './tail.ts';

test('the last bytes are kept in whole chunks, and what is missing is owned up to', () => {
  const kept = tail(4);
  kept.push(Buffer.from('ab'));
  kept.push(Buffer.from('cd'));
  expect([kept.text(), kept.cut()]).toEqual(['abcd', false]);
  kept.push(Buffer.from('ef'));
  expect([kept.text(), kept.cut()]).toEqual(['cdef', true]);
  kept.push(Buffer.from('ghijkl'));
  expect(kept.text()).toBe('ghijkl');
});
