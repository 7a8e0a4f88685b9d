import { expect, test } from 'vitest';
import { type Candidate, chooseSeries, inGivenOrder } from './choose.ts';
import { parseSubject } from './subject.ts';

const mail = (subject: string, patch = subject): Candidate => ({
  name: 'thread.mbox',
  patch,
  subject: parseSubject(subject, 'untitled'),
});
const letter = (subject: string): Candidate => mail(subject, '');
const titles = (patches: readonly Candidate[]): string[] =>
  patches.map(({ subject }) => subject.title);

test('by number, not by place in the file', () => {
  const chosen = chooseSeries([
    mail('[PATCH 2/3] b'),
    letter('[PATCH 0/3] all'),
    mail('[PATCH 3/3] c'),
    mail('[PATCH 1/3] a'),
  ]);
  expect(titles(chosen.patches)).toEqual(['a', 'b', 'c']);
  expect(chosen.cover?.subject.title).toBe('all');
  expect(chosen).toMatchObject({ missing: [], left: [], thread: false });
});

test('the newest version, its own cover letter, no replies, not even those with a diff in them', () => {
  const chosen = chooseSeries([
    letter('[PATCH 0/2] old'),
    mail('[PATCH 1/2] a'),
    mail('[PATCH 2/2] b'),
    letter('Re: [PATCH 2/2] b'),
    mail('Re: [PATCH 2/2] b', 'how about this'),
    letter('[PATCH v10 0/1] new'),
    mail('[PATCH v10 1/1] a and b'),
    mail('[PATCH v9 1/1] a, b'),
  ]);
  expect(titles(chosen.patches)).toEqual(['a and b']);
  expect(chosen.cover?.subject.title).toBe('new');
  expect(chosen).toMatchObject({ left: ['v1', 'v9', '2 replies'], thread: true, missing: [] });
});

test('what has no [PATCH] has no version and stays', () => {
  const chosen = chooseSeries([mail('a'), mail('[PATCH v2] b'), mail('[PATCH] b'), mail('c')]);
  expect(titles(chosen.patches)).toEqual(['a', 'b', 'c']);
  expect(chosen.thread).toBe(false);
});

test('a reply that is all there is was meant', () => {
  const chosen = chooseSeries([mail('Re: [PATCH v2] a'), letter('Re: [PATCH v2] a')]);
  expect(titles(chosen.patches)).toEqual(['a']);
});

test('two series in one file follow each other', () => {
  const chosen = chooseSeries([
    mail('[PATCH 2/2] b'),
    mail('[PATCH 1/2] a'),
    mail('[PATCH] alone'),
    mail('[PATCH 1/1] c'),
  ]);
  expect(titles(chosen.patches)).toEqual(['a', 'b', 'alone', 'c']);
});

test('what is missing is named', () => {
  const chosen = chooseSeries([mail('[PATCH 1/4] a'), mail('[PATCH 4/4] d')]);
  expect(chosen.missing).toEqual(['2 of 4', '3 of 4']);
});

test('the same mail twice is one; another one with its number is an error', () => {
  const [a, b] = [mail('[PATCH 1/2] a'), mail('[PATCH 2/2] b')];
  expect(titles(chooseSeries([a, b, a]).patches)).toEqual(['a', 'b']);
  expect(() => chooseSeries([a, b, mail('[PATCH 2/2] another b')])).toThrow(
    /patch-duplicate: There are two patches 2 of 2: 'b' and 'another b'/,
  );
});

test('no mails, no patches', () => {
  expect(chooseSeries([])).toMatchObject({ patches: [], missing: [], left: [], thread: false });
  expect(chooseSeries([letter('Re: hello'), letter('hello')]).patches).toEqual([]);
});

test('files given one by one: by number if that says all', () => {
  const files = [mail('[PATCH 2/3] b'), mail('[PATCH 1/3] a')];
  expect(titles(inGivenOrder(files).patches)).toEqual(['a', 'b']);
  expect(inGivenOrder(files).missing).toEqual(['3 of 3']);
  const mixed = [mail('[PATCH 2/2] b'), mail('[PATCH 1/3] a'), mail('[PATCH v2 1/2] c')];
  expect(titles(inGivenOrder(mixed).patches)).toEqual(['b', 'a', 'c']);
  expect(titles(inGivenOrder([mail('b'), mail('a'), letter('0')]).patches)).toEqual(['b', 'a']);
  expect(inGivenOrder([mail('[PATCH 3/5] a')]).missing).toHaveLength(4);
});
