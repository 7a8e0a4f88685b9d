import { expect, test } from 'vitest';
import { parseSubject } from './subject.ts';

const of = (number: number, total: number) => ({ place: { number, total } });

test.each([
  ['[PATCH] mm: a', { title: 'mm: a', tagged: true, reply: false, version: 1 }],
  ['[PATCH v3 2/5] mm: a', { title: 'mm: a', version: 3, ...of(2, 5) }],
  ['[RFC PATCH v2 00/12] mm: a', { title: 'mm: a', version: 2, ...of(0, 12) }],
  ['[PATCH RFC 1/2] mm: a', { version: 1, ...of(1, 2) }],
  ['[PATCHv4 01/10] a', { version: 4, ...of(1, 10) }],
  ['[PATCH V2 1 / 3] a', { version: 2, ...of(1, 3) }],
  ['[RESEND PATCH v2 1/3] a', { version: 2, ...of(1, 3) }],
  ['[PATCH v2 RESEND 1/3] a', { version: 2, ...of(1, 3) }],
  ['[PATCH 6.1.y 1/3] a', { version: 1, ...of(1, 3) }],
  ['[PATCH v2.1 2/3] a', { version: 2.1, ...of(2, 3) }],
  ['[nvdimm PATCH v9] [v10/v11] a', { title: 'a', version: 9 }],
  ['[ndctl] [PATCH v2 1/2] a [not me]', { title: 'a [not me]', version: 2, ...of(1, 2) }],
  ['Re: [PATCH v3 2/5] mm: a', { title: 'mm: a', reply: true, version: 3 }],
  ['re: RE: AW[2]: mm: a', { title: 'mm: a', reply: true, tagged: false }],
  ['Fwd: [PATCH 1/2] a', { title: 'a', reply: false, ...of(1, 2) }],
  ['mm: v2 of [PATCH 2/5]', { title: 'mm: v2 of [PATCH 2/5]', tagged: false, version: 1 }],
  ['[GIT PULL] hmm', { title: 'hmm', tagged: false }],
  ['[PATCH v2]', { title: 'the file', version: 2 }],
  ['', { title: 'the file', tagged: false, version: 1 }],
])('%s', (text, subject) => {
  expect(parseSubject(text, 'the file')).toMatchObject(subject);
});

test.each(['[PATCH 7/5] a', '[PATCH 0/0] a', '[PATCH] 1/2 a', '[PATCH 1/2'])(
  '%s has no place in a series',
  (text) => {
    expect(parseSubject(text, 'x')).not.toHaveProperty('place');
  },
);

test('nothing makes it slow or fail', () => {
  const started = performance.now();
  for (const text of ['[', 're: ', '[PATCH ', '[a]', ' ', 'v1 '])
    expect(parseSubject(text.repeat(50_000), 'x').title.length).toBeLessThanOrEqual(500);
  expect(performance.now() - started).toBeLessThan(2000);
});
