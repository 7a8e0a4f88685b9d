// What single lines mean: a point's own status, what a parent adds to its children, whether totals agree.
import { worst, type Status } from '../core/status.ts';
import type { Directive } from './directive.ts';

export interface ResultLine {
  readonly ok: boolean;
  /** 0 if the line has no number. */
  readonly id: number;
  readonly name: string;
  readonly directive: Directive | undefined;
  readonly note: string;
}

/** Own lines by the words kselftest's `# Totals:` counts them under. */
export type Tally = Record<'pass' | 'fail' | 'xfail' | 'xpass' | 'skip' | 'error', number>;

/** What is known of the points below a parent when its own line comes. */
export interface GroupState {
  /** Points handed out below the parent. */
  readonly members: number;
  /** The worst of them. */
  readonly status: Status | undefined;
  /** What is wrong with the level as such, e.g. its plan. */
  readonly notes: readonly string[];
  /** The reason of `1..0 # SKIP`. */
  readonly skipAll: string | undefined;
  /** Only a `# Subtest:` line was seen of it: its own line tells all. */
  readonly headOnly: boolean;
}

/** A line's own status, the word kselftest counts it under, and what must be said about it. */
export function ownStatus(result: ResultLine): {
  status: Status;
  word: keyof Tally;
  notes: string[];
} {
  const { ok, directive } = result;
  const reason = directive === undefined || directive.reason === '' ? '' : `: ${directive.reason}`;
  switch (directive?.name) {
    case 'SKIP':
      return { status: 'SKIP', word: 'skip', notes: [] };
    case 'TODO':
    case 'XFAIL':
      return ok
        ? {
            status: 'PASS',
            word: 'xfail',
            notes: [passedAnyway(directive.name) + reason],
          }
        : {
            status: 'PASS',
            word: 'xfail',
            notes: [`${directive.name}: failed as expected${reason}`],
          };
    case 'XPASS':
      return ok
        ? { status: 'PASS', word: 'xpass', notes: [`XPASS: unexpectedly passed${reason}`] }
        : { status: 'FAIL', word: 'xpass', notes: [] };
    case 'TIMEOUT':
      return { status: 'ERROR', word: 'fail', notes: [`timed out${reason}`] };
    case 'ERROR':
      return { status: 'ERROR', word: 'error', notes: [] };
    case 'exit':
      return ok && directive.reason !== '0'
        ? { status: 'ERROR', word: 'pass', notes: [`ok, but exit=${directive.reason}`] }
        : { status: ok ? 'PASS' : 'FAIL', word: ok ? 'pass' : 'fail', notes: [] };
    case undefined:
    default:
      return { status: ok ? 'PASS' : 'FAIL', word: ok ? 'pass' : 'fail', notes: [] };
  }
}

/** What a parent's own line adds to its children, or undefined if nothing. */
export function parentVerdict(group: GroupState, own: Status): Status | undefined {
  if (group.notes.length > 0) return worst([own, 'ERROR']);
  if (group.members === 0) {
    if (own !== 'PASS' || group.headOnly) return own;
    return group.skipAll === undefined ? 'ERROR' : 'SKIP';
  }
  if (own === 'FAIL') return group.status === 'FAIL' ? undefined : 'FAIL';
  if (own === 'ERROR') return 'ERROR';
  if (own === 'SKIP')
    return group.status === 'PASS' || group.status === 'SKIP' ? 'SKIP' : undefined;
  return undefined;
}

/** kselftest prints `ok … # XFAIL` for a failure it expected, KTAP means a surprise: `ok` alone does not tell. */
function passedAnyway(name: 'TODO' | 'XFAIL'): string {
  return name === 'TODO'
    ? 'TODO: unexpectedly passed'
    : 'XFAIL: unexpectedly passed, or failed as expected (kselftest prints ok for both)';
}

/** What a totals line says that the results do not, or ''. */
export function differs(tally: Tally, counts: ReadonlyMap<string, number>): string {
  const wrong: string[] = [];
  let total = 0;
  for (const count of Object.values(tally)) total += count;
  const kunit = counts.has('total');
  const seen = new Map<string, number>(Object.entries(tally));
  if (kunit) {
    // KUnit has three words.
    seen.set('fail', tally.fail + tally.error);
    seen.set('pass', tally.pass + tally.xfail + tally.xpass);
    seen.set('total', total);
  }
  for (const [word, said] of counts)
    if (seen.get(word) !== said) wrong.push(`${word}:${said}, seen ${seen.get(word) ?? 0}`);
  return wrong.join(', ');
}

export function addTally(into: Tally, from: Tally): void {
  for (const word of ['pass', 'fail', 'xfail', 'xpass', 'skip', 'error'] as const)
    into[word] += from[word];
}

export function newTally(): Tally {
  return { pass: 0, fail: 0, xfail: 0, xpass: 0, skip: 0, error: 0 };
}
