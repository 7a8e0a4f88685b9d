// A job that is repeated: each round is a job in the record, called `suite@topology~2`; in the result they are one, as bad
// as the worst of them, with counts where they do not agree.
import type { Splat, TestPoint } from './event.ts';
import { isBad } from './observe.ts';
import type { JobResult } from './job-result.ts';
import { worst } from './status.ts';

/** What the record and the folder of a job's round are called. */
export const roundId = (job: string, round: number): string =>
  round === 1 ? job : `${job}~${round}`;

export function roundOf(id: string): { readonly job: string; readonly round: number } {
  const match = /^(.*)~([1-9]\d{0,8})$/.exec(id);
  return match?.[1] === undefined
    ? { job: id, round: 1 }
    : { job: match[1], round: Number(match[2]) };
}

/** `ids`: those of `results`, which do not know their rounds themselves. */
export function mergeRounds(ids: readonly string[], results: readonly JobResult[]): JobResult[] {
  const jobs = new Map<string, { round: number; result: JobResult }[]>();
  for (const [index, id] of ids.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    const { job, round } = roundOf(id);
    const rounds = jobs.get(job) ?? [];
    jobs.set(job, rounds);
    rounds.push({ round, result });
  }
  return [...jobs.values()].flatMap((rounds) => {
    const first = rounds[0]?.result;
    return first === undefined ? [] : rounds.length === 1 ? [first] : [merge(first, rounds)];
  });
}

function merge(
  first: JobResult,
  rounds: readonly { readonly round: number; readonly result: JobResult }[],
): JobResult {
  const results = rounds.map(({ result }) => result);
  const status = worst(results.map((result) => result.status));
  const boots = results.flatMap((result) => result.bootMs ?? []).sort((a, b) => a - b);
  const bootMs = boots[Math.floor(boots.length / 2)];
  const failure = results.find((result) => result.status === status && result.failure)?.failure;
  const { bootMs: _, failure: __, ...rest } = first;
  return {
    ...rest,
    status,
    ...(bootMs === undefined ? {} : { bootMs }),
    ms: results.reduce((sum, result) => sum + result.ms, 0),
    steps: results.flatMap((result) => result.steps),
    tests: mergePoints(results.map((result) => result.tests)),
    splats: rounds.flatMap(({ round, result }) =>
      result.splats.map((splat): Splat => (round === 1 ? splat : { ...splat, round })),
    ),
    ...(failure === undefined ? {} : { failure }),
    rounds: { bad: results.filter((result) => isBad(result.status)).length, of: results.length },
  };
}

/** A point is as bad as in its worst round, and says there why. */
function mergePoints(rounds: readonly (readonly TestPoint[])[]): TestPoint[] {
  const points = new Map<string, TestPoint[]>();
  for (const round of rounds) {
    const times = new Map<string, number>();
    for (const point of round) {
      const path = point.path.join('\0');
      // Of names that come twice in one round, the first belongs to the first of the next.
      const time = times.get(path) ?? 0;
      times.set(path, time + 1);
      const key = `${time}\0${path}`;
      points.set(key, [...(points.get(key) ?? []), point]);
    }
  }
  return [...points.values()].flatMap((same) => {
    const status = worst(same.map((point) => point.status));
    const point = same.find((one) => one.status === status);
    if (point === undefined) return [];
    const bad = same.filter((one) => isBad(one.status)).length;
    return [
      bad === 0 || bad === rounds.length ? point : { ...point, rate: { bad, of: rounds.length } },
    ];
  });
}
