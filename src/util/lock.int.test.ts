import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { lock } from './lock.ts';

test('the second one waits, is told for whom, and gets it afterwards', async () => {
  await using at = await scratch();
  const file = join(at.dir, 'some.lock');
  const order: string[] = [];
  const first = await lock(file, 'building 6.12', at.ctx);
  const second = lock(file, 'building 6.1', at.ctx).then((held) => {
    order.push('second has it');
    return held;
  });
  await expect.poll(() => at.said.join(), { timeout: 5000 }).toContain('building 6.12');
  order.push('first lets go');
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  expect(order).toEqual(['first lets go', 'second has it']);
});

test('who waits can be stopped, and the holder keeps it', async () => {
  await using at = await scratch();
  const file = join(at.dir, 'some.lock');
  await using _ = await lock(file, 'first', at.ctx);
  const stop = new AbortController();
  const waiting = lock(file, 'second', { ...at.ctx, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await expect(waiting).rejects.toThrow('enough');
});

test('an abort does not take a held lock away', async () => {
  await using at = await scratch();
  const file = join(at.dir, 'some.lock');
  const stop = new AbortController();
  const first = await lock(file, 'first', { ...at.ctx, signal: stop.signal });
  stop.abort(new Error('enough'));
  let taken = false;
  const second = lock(file, 'second', at.ctx).then((held) => {
    taken = true;
    return held;
  });
  await expect.poll(() => at.said.length, { timeout: 5000 }).toBeGreaterThan(0);
  expect(taken).toBe(false);
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  expect(taken).toBe(true);
});
