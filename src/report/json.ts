// results.json: the folded run as text, in one order of keys, so that two of them can be compared line by line.
import type { RunResult } from '../core/result.ts';

/** Two spaces, one final newline. Characters that a terminal acts on are written as `\u` escapes. */
export function json(result: RunResult): string {
  return `${escapeActing(JSON.stringify(result, inOrder, 2))}\n`;
}

/** For JSON text: what stays is the same value. */
export const escapeActing = (text: string): string =>
  text.replace(acting, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/** JSON.stringify escapes what is below a space; this is the rest: DEL, C1, bidi and odd line breaks. */
const acting = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** What identifies, then the verdict, then the details; keys that are not here (type names) keep their order. */
const order = [
  'schema',
  'id',
  'blame',
  'code',
  'path',
  'step',
  'title',
  'kind',
  'covered',
  'mappings',
  'pages',
  'topology',
  'suite',
  'suites',
  'status',
  'was',
  'is',
  'job',
  'number',
  'upTo',
  'bad',
  'of',
  'rate',
  'patch',
  'interrupted',
  'name',
  'reason',
  'startedAt',
  'subject',
  'argv',
  'host',
  'kernel',
  'series',
  'sandbox',
  'types',
  'note',
  'bootMs',
  'ms',
  'directive',
  'diagnostics',
  'from',
  'to',
  'during',
  'allowed',
  'on',
  'text',
  'detail',
  'hint',
  'artifact',
  'steps',
  'jobs',
  'tests',
  'splats',
  'failure',
  'reproduce',
  'baseline',
  'changes',
  'notes',
  'timing',
];
const ranks = new Map(order.map((key, index) => [key, index]));
const rank = (key: string): number => ranks.get(key) ?? order.length;

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => rank(a) - rank(b)));
}
