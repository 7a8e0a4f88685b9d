// What goes wrong on purpose, in real guests: those faults of the bench that take seconds. How quick it is, `npm run faults` judges.
import { beforeAll, expect, test } from 'vitest';
import { kernelSymbols, provoke } from '../dev/faults/bench.ts';
import { faults } from '../dev/faults/faults.ts';

const source = ['--source', 'distro:6.12'];
const cheap = faults.filter((fault) => fault.cheap);

beforeAll(async () => {
  // Builds what is not there, so that no fault has to wait for it.
  await kernelSymbols(source);
});

test('some are cheap, each has a name of its own, and says what it does with what', () => {
  expect(cheap.length).toBeGreaterThan(4);
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  for (const { name, test: with_, suite } of faults)
    expect([with_ ?? suite, name]).not.toContain(undefined);
});

test.each(cheap)('$name: $what', async (fault) => {
  const { wrong } = await provoke(fault, { source, timed: false });
  expect(wrong).toEqual([]);
});
