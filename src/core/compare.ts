// Two runs in, what changed out. A FAIL that was there before blames nobody; where nothing is known, nothing is claimed.
import { type Change, type ChangeKind, isWorse } from './change.ts';
import type { Step } from './event.ts';
import { changeOf, jobChanges, jobStatus } from './job-changes.ts';
import { covers, expired, type KnownFailure, nameOf, wasTried } from './known.ts';
import { isBad, type Observation, observations, samePath } from './observe.ts';
import type { RunResult } from './result.ts';
import { commandLine, quote } from './shell.ts';
import type { Status } from './status.ts';

export interface CompareOptions {
  readonly known: readonly KnownFailure[];
  /** `2026-11-22` */
  readonly today: string;
  /** Leave out what the new run never set out to do: it was narrowed down. */
  readonly onlyPlanned: boolean;
}

export interface Comparison {
  /** The worst first. */
  readonly changes: readonly Change[];
  /** About entries of the known failures that should go. */
  readonly notes: readonly string[];
}

/** Without `old`, what FAILs is only held against the known failures. */
export function compare(
  old: RunResult | undefined,
  now: RunResult,
  options: CompareOptions,
): Comparison {
  const seen = observations(now);
  const broken = madeNothing(now);
  const changes = old === undefined ? [] : runChanges(old, now, broken);
  // A kernel that was never made says nothing of any test.
  if (!broken)
    changes.push(
      ...(old === undefined || madeNothing(old)
        ? seen.flatMap((one) =>
            changeOf(one, undefined, one.status === 'FAIL' ? 'FAIL' : undefined),
          )
        : jobChanges(old, now, seen, options.onlyPlanned)),
    );
  const judged = changes
    .map((change) => ({ ...excuse(change, seen, options, now), ...again(change, now) }))
    .filter((change) => old !== undefined || change.kind === 'known');
  return {
    changes: judged.sort((a, b) => rank(a) - rank(b)),
    notes: staleEntries(seen, options, now),
  };
}

/** What an address came to in a run: its own status, else that of its test; undefined if nobody knows. */
export function statusAt(
  result: RunResult,
  { job, path }: Pick<Change, 'job' | 'path'>,
): Status | undefined {
  if (job === undefined) return runStatus(result, path);
  const found = result.jobs.find(({ id }) => id === job);
  return found === undefined ? undefined : jobStatus(found, path);
}

const madeNothing = ({ steps }: RunResult): boolean =>
  steps.some((one) => isBad(one.status) && making.includes(one.step));

const making: readonly Step[] = ['apply', 'configure', 'build', 'image'];

/** Steps of the run itself, and memory types that a guest was seen to map. */
function runChanges(old: RunResult, now: RunResult, broken: boolean): Change[] {
  const changes: Change[] = [];
  for (const step of making) {
    const path = ['run', `step ${step}`];
    const [was, is] = [runStatus(old, path), runStatus(now, path)];
    if (was === undefined || is === undefined) continue;
    const why = now.steps.find((one) => one.step === step)?.failure?.title;
    changes.push(...changeOf({ path, ...(why === undefined ? {} : { why }) }, was, is));
  }
  if (broken) return changes;
  const why = 'memremap_pages() is no longer called with it in any guest';
  for (const [name, type] of Object.entries(old.types)) {
    const wanted = now.jobs.some((job) => job.types.includes(name));
    if (type.covered && wanted && now.types[name]?.covered !== true)
      changes.push(...changeOf({ path: ['memory types', name], why }, 'PASS', 'MISS'));
  }
  for (const [name, type] of Object.entries(now.types))
    if (type.covered && old.types[name]?.covered === false)
      changes.push(...changeOf({ path: ['memory types', name] }, 'MISS', 'PASS'));
  return changes;
}

function runStatus(result: RunResult, path: readonly string[]): Status | undefined {
  if (path[0] === 'memory types')
    return result.types[path[1] ?? '']?.covered === true ? 'PASS' : 'MISS';
  return result.steps.find(({ step }) => `step ${step}` === path[1])?.status;
}

/** What is listed as known blames nobody. */
function excuse(
  change: Change,
  seen: readonly Observation[],
  { known, today }: CompareOptions,
  now: RunResult,
): Change {
  if (change.is !== 'FAIL') return change;
  const one = seen.find(
    ({ job, path }) => job === (change.job ?? '') && samePath(path, change.path),
  );
  const entry = known.find(
    (item) => one !== undefined && !expired(item, today) && covers(item, one, now.kernel?.release),
  );
  if (entry === undefined) return change;
  const { reason, link } = entry;
  return { ...change, kind: 'known', reason, ...(link === undefined ? {} : { link }) };
}

function staleEntries(
  seen: readonly Observation[],
  { known, today }: CompareOptions,
  now: RunResult,
): string[] {
  const release = now.kernel?.release;
  const narrowed = now.argv.some((word) => /^--(suite|test|topology|type)\b/.test(word));
  return known.flatMap((entry) => {
    const hit = seen.some((one) => one.status === 'FAIL' && covers(entry, one, release));
    if (!hit && !seen.some((one) => wasTried(entry, one, release))) return [];
    const name = `Known failure '${nameOf(entry)}'`;
    if (expired(entry, today))
      return [`${name} expired on ${entry.expires} and does not count any more: ${entry.reason}`];
    // A report that may come anywhere is not missed in a few tests.
    if (hit || (entry.test === undefined && narrowed)) return [];
    return [`${name} was not seen: does it still belong into configs/known-failures.yaml?`];
  });
}

/** The job's own command, narrowed down to the test. */
function again(change: Change, now: RunResult): { reproduce?: string } {
  const job = now.jobs.find(({ id }) => id === change.job);
  if (job === undefined) {
    if (change.path[0] !== 'run' || now.argv.length === 0) return {};
    return { reproduce: commandLine(['npx', 'pgmap', ...now.argv]) };
  }
  if (job.reproduce === '') return {};
  const [suite = '', test = ''] = change.path;
  const narrow =
    !/ --test\b/.test(job.reproduce) &&
    !`${suite}${test}`.includes('>') &&
    job.tests.some((point) => point.path[1] === test);
  return {
    reproduce: narrow ? `${job.reproduce} --test ${quote(`${suite} > ${test}`)}` : job.reproduce,
  };
}

const kinds: readonly ChangeKind[] = ['regression', 'new', 'gone', 'flaky', 'fix', 'known'];

const rank = (change: Change): number =>
  kinds.indexOf(isWorse(change) || change.kind !== 'new' ? change.kind : 'known');
