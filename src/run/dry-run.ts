// What a run would do: the plan and the exact command lines, and nothing done.
import { join } from 'node:path';
import { loadSuites, loadTopologies } from '../config/load.ts';
import { loadVariant } from '../config/variant.ts';
import { checkNames, type PlannedJob, planJobs } from '../core/plan.ts';
import { commandLine } from '../core/shell.ts';
import { kernelKey, objectsDir } from '../kernel/build.ts';
import { compiler, linesTogether, makeArgv } from '../kernel/make.ts';
import { withoutAuto } from './plan-run.ts';
import type { Lab, RunRequest } from './request.ts';
import { kernelRequest, openSource, slotOf, treeTypes } from './tested-kernel.ts';
import { exists } from '../util/files.ts';
import type { Context } from '../util/context.ts';
import { repeatLine } from '../vm/qemu-args.ts';

/**
 * Lines for a shell, with `#` before what is only said; `shape`: what is run of the planned jobs. Throws what a run would
 * throw before it began.
 */
export async function dryRun(
  request: RunRequest,
  lab: Lab,
  ctx: Context,
  shape: (jobs: readonly PlannedJob[]) => readonly PlannedJob[] = (jobs) => jobs,
): Promise<string> {
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  checkNames(request.selection, { suites, topologies });
  const base = await openSource(request.source, ctx);
  const enumerators = await treeTypes(base, ctx);
  const variant = await loadVariant(lab.projectDir, request.variant);
  const catalogue = {
    ...{ suites, topologies, enumerators },
    ...(variant === undefined ? {} : { variant }),
  };
  const jobs = shape(planJobs(withoutAuto(request.selection), catalogue, request.command));
  const kernel = await kernelRequest(request, lab, base, ctx);
  const key = await kernelKey(kernel, ctx);
  const dir = join(ctx.cacheDir, 'kernels', key);
  const place = {
    sourceDir: join(ctx.cacheDir, 'worktrees', `${base.id}-${slotOf(request)}`, 'src'),
    objectDir: objectsDir(kernel, ctx),
  };
  const options = { jobs: ctx.cpus + 1, compiler: await compiler(ctx) };
  const lines = [
    `# ${base.subject}, commit ${base.commit}, ${kernel.fragments.length} config fragments`,
    ...request.series.map((input) => `# apply ${input} on it`),
    ...(request.selection.types.includes('auto')
      ? ['# of the jobs below, leave out what it does not reach']
      : []),
    `# kernel ${key}: ${(await exists(dir)) ? 'in the cache, nothing to build' : 'to be built'}`,
    commandLine([
      'git',
      `--git-dir=${base.gitDir}`,
      `--work-tree=${place.sourceDir}`,
      'checkout',
      '--force',
      '--detach',
      base.commit,
    ]),
    ...(request.sandbox === 'off'
      ? []
      : [
          `# make and compilers: in bubblewrap${request.sandbox === 'on' ? '' : ', where that works'}`,
        ]),
    commandLine(
      makeArgv(place, ['allnoconfig'], {
        variables: [`KCONFIG_ALLCONFIG=${join(place.objectDir, '.pgmap-fragment')}`],
      }),
    ),
    commandLine(makeArgv(place, ['bzImage', 'modules'], { ...options, flags: linesTogether })),
    ...(request.each === true ? ['# the same for the base and each patch, in their order'] : []),
    ...jobs.flatMap((job) => [
      `# ${job.id}: ${job.tests.map((test) => test.name).join('; ')}`,
      repeatLine(lab.qemu, job.topology, {
        kernel: join(dir, 'bzImage'),
        initrd: 'initrd.cpio',
        append: [
          `pgmap.modules=${[...job.topology.modules, ...job.suite.modules].join(',')}`,
          ...job.suite.append,
        ],
        accel: request.accel === 'kvm' ? 'kvm' : 'tcg',
        sshPort: 2222,
        backingDir: '.',
      }),
    ]),
    ...(request.baseline === 'base'
      ? ['# and on the base those of these jobs whose results are not known, to compare with']
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
