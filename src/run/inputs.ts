// What the results of a run hang on besides its kernel, as digests in its record: so that a run that goes on later can
// tell whether it still is the same.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PlannedJob } from '../core/plan.ts';
import { suiteFolder } from '../core/suite.ts';
import { folderDigest, isTool, shared } from './job-key.ts';
import type { Lab, RunRequest } from './request.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { qemuFacts } from '../vm/probe.ts';

export type Inputs = Readonly<Record<string, string>>;

/** Those with which nothing else is tested if they change, only with something else. */
const tools: readonly string[] = ['pgmap', 'QEMU'];

/** By names for people. */
export async function runInputs(
  { request, lab }: { readonly request: RunRequest; readonly lab: Lab },
  base: Source,
  jobs: readonly PlannedJob[],
  ctx: Context,
): Promise<Inputs> {
  const inputs: Record<string, string> = { 'the kernel tree': base.tree };
  for (const file of request.configFiles)
    inputs[file] = digest(await readFile(resolve(file)).catch(() => ''));
  const suites = jobs.flatMap(({ suite }) => [
    suite.name,
    ...shared(suite.programs.flatMap((program) => program.sources)),
  ]);
  const own = new Map(jobs.map(({ suite }) => [suite.name, suite]));
  for (const name of new Set(suites))
    inputs[`suite ${name}`] = await folderDigest(
      suiteFolder(lab.projectDir, own.get(name) ?? { name }),
    );
  for (const { topology } of jobs)
    inputs[`topology ${topology.name}`] = digest(JSON.stringify(topology));
  for (const { variant } of jobs)
    if (variant !== undefined) inputs[`variant ${variant.name}`] = digest(JSON.stringify(variant));
  inputs['images/'] = await folderDigest(join(lab.projectDir, 'images'));
  inputs['pgmap'] = `${lab.version} ${await folderDigest(join(lab.projectDir, 'dist'), isTool)}`;
  // Where there is none, what needs it says so.
  const facts = await qemuFacts(lab.qemu, ctx.signal).catch(() => undefined);
  inputs['QEMU'] = facts?.version ?? 'none';
  return inputs;
}

/** What differs: `tested` makes it another run, `tools` only another lab. */
export function compareInputs(before: Inputs, now: Inputs): { tested: string[]; tools: string[] } {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changed = names.filter((name) => before[name] !== now[name]);
  return {
    tested: changed.filter((name) => !tools.includes(name)),
    tools: changed.filter((name) => tools.includes(name)),
  };
}

const digest = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');
