// What a bisection would do: the ends, how much there is between them, and the command lines for one commit; nothing is built or booted.
import { describePredicate } from '../core/predicate.ts';
import { shapeJobs } from './job.ts';
import { type BisectRequest, layTable } from './table.ts';
import { dryRun } from '../run/dry-run.ts';
import type { Lab } from '../run/request.ts';
import { resolveCommit } from '../tree/source.ts';
import { openSource } from '../run/tested-kernel.ts';
import type { Context } from '../util/context.ts';

/**
 * Lines for a shell, with `#` before what is only said. `dir`: where configurations would be written. Throws what a
 * bisection would throw before it began; a series is not applied.
 */
export async function dryBisect(
  wanted: BisectRequest,
  dir: string,
  lab: Lab,
  ctx: Context,
): Promise<string> {
  const { baseline: _, ...request } = { ...wanted.request, series: [] };
  const plain = { ...request, ...(await atBadEnd(wanted, ctx)) };
  const lines = await dryRun(plain, lab, ctx, (jobs) => shapeJobs(jobs, wanted.predicate));
  return [
    `# bad is: ${describePredicate(wanted.predicate)}`,
    ...(await rangeLines(wanted, dir, ctx)).map((line) => `# ${line}`),
    '# of each kernel that is tried:',
    lines,
  ].join('\n');
}

async function atBadEnd(
  { bad, configs, request }: BisectRequest,
  ctx: Context,
): Promise<Partial<BisectRequest['request']>> {
  const { source, series } = request;
  if (configs !== undefined) return { configFiles: [...request.configFiles, configs.bad] };
  if (source.kind !== 'tree' || series.length > 0) return {};
  const opened = await openSource({ ...source, base: bad ?? 'HEAD' }, ctx);
  return { source: { ...source, base: await resolveCommit(opened, bad ?? 'HEAD', ctx) } };
}

async function rangeLines(wanted: BisectRequest, dir: string, ctx: Context): Promise<string[]> {
  const { series } = wanted.request;
  if (series.length > 0)
    return [`the first bad patch of ${series.join(' ')} on what they are for, which is good`];
  const table = await layTable(wanted, dir, ctx);
  const good = await table.goodEnds(ctx);
  if (good === undefined)
    return [`bad ${table.bad}, good is looked for 1, 2, 4, 8, ... first parents before`];
  const { length } = await table.list(good, table.bad, ctx);
  const kernels = Math.ceil(Math.log2(Math.max(1, length)));
  return [
    `bad ${table.bad}, good ${good.join(' ')}`,
    `${length} ${wanted.configs === undefined ? 'commits' : 'settings'} to search, ${kernels} kernels if all of them build and boot`,
  ];
}
