// What keeps a run from being green, told in full for a terminal: the evidence, whose fault, and how to repeat it.
import type { Splat, TestPoint } from '../core/event.ts';
import type { JobResult, StepResult } from '../core/job-result.ts';
import type { RunResult } from '../core/result.ts';
import { commandLine, quote } from '../core/shell.ts';
import { roundId } from '../core/rounds.ts';
import { type Status, statuses, worst } from '../core/status.ts';
import { formatDuration } from '../core/units.ts';
import { clean, cleanLines, cut, visible, wrap } from './escape.ts';
import type { Palette } from './layout.ts';
import { notGreen } from './points.ts';

export interface Problem {
  readonly status: Status;
  /** Short names of what went wrong, for the verdict line. */
  readonly causes: readonly { readonly status: Status; readonly text: string }[];
  readonly lines: readonly string[];
}

/** The least bad first, so that the worst stands nearest to the end. */
export function problemsOf(result: RunResult, paint: Palette, columns: number): Problem[] {
  const context: Context = { result, paint, columns };
  const problems: Problem[] = [];
  const idle = result.jobs.filter(neverRan);
  if (idle.length > 0) problems.push(neverRanProblem(idle, context));
  for (const job of result.jobs)
    if (notGreen(job.status) && !neverRan(job)) problems.push(jobProblem(job, context));
  for (const [name, type] of Object.entries(result.types)) {
    const jobs = result.jobs.filter((job) => job.types.includes(name));
    // Jobs that are not green say themselves why the type was not reached.
    if (
      !type.covered &&
      type.status === 'MISS' &&
      jobs.length > 0 &&
      !jobs.some((job) => notGreen(job.status))
    )
      problems.push(typeProblem(name, jobs, context));
  }
  for (const step of result.steps)
    if (notGreen(step.status)) problems.push(stepProblem(step, context));
  if (result.interrupted === true)
    problems.push(
      simple('MISS', 'interrupted', 'the record has no end: the run was interrupted', context),
    );
  else if (
    notGreen(result.status) &&
    result.status !== worst(problems.map((problem) => problem.status))
  )
    problems.push(
      simple(result.status, 'the run itself', 'the run did not end well, see the notes', context),
    );
  return problems.sort((a, b) => statuses.indexOf(b.status) - statuses.indexOf(a.status));
}

interface Context {
  readonly result: RunResult;
  readonly paint: Palette;
  readonly columns: number;
}

/** Tests that are shown in full per job, and in one line each after that. */
const maxFull = 12;
const maxShort = 60;
const maxDiagnostics = 16;
const maxSplats = 8;
const maxSplatLines = 20;
const maxDetail = 24;

const neverRan = (job: JobResult): boolean =>
  job.status === 'MISS' &&
  job.steps.length === 0 &&
  job.splats.length === 0 &&
  job.tests.every((point) => point.status === 'MISS');

function neverRanProblem(jobs: readonly JobResult[], context: Context): Problem {
  const title = jobs.length === 1 ? '1 job never ran' : `${jobs.length} jobs never ran`;
  const names = jobs.map(nameOf).join(', ').slice(0, 2000);
  return {
    status: 'MISS',
    causes: [{ status: 'MISS', text: title }],
    lines: [heading('MISS', title, context), ...prose(names, '  ', context)],
  };
}

function jobProblem(job: JobResult, context: Context): Problem {
  const bad = job.tests.filter((point) => notGreen(point.status) && !isMissing(point));
  const missing = job.tests.filter(isMissing);
  const splats = job.splats.filter((splat) => splat.allowed === undefined);
  const steps = job.steps.filter((step) => notGreen(step.status) && step.failure !== undefined);
  const causes = [
    ...steps.map((step) => ({
      status: step.status,
      text: `${visible(step.failure?.code ?? step.step)} in ${nameOf(job)}`,
    })),
    ...bad.map((point) => ({ status: point.status, text: pathOf(point) })),
    ...splats.map((splat) => ({ status: 'FAIL' as const, text: clean(splat.title, 100) })),
    ...(missing.length === 0
      ? []
      : [
          {
            status: 'MISS' as const,
            text: `${count(missing.length, 'test')} of ${nameOf(job)} never ran`,
          },
        ]),
  ];
  if (!causes.some((cause) => cause.status === job.status))
    causes.push({ status: job.status, text: nameOf(job) });
  const order = bad.toSorted((a, b) => statuses.indexOf(b.status) - statuses.indexOf(a.status));
  // The worst are the last, so it is the first that are shortened.
  const short = order.slice(0, -maxFull);
  return {
    status: job.status,
    causes,
    lines: [
      heading(job.status, nameOf(job), context),
      ...(missing.length === 0
        ? []
        : prose(
            `never ran: ${missing
              .map((point) => point.path.slice(1).join(' > '))
              .join(', ')
              .slice(0, 1000)}`,
            '  ',
            context,
          )),
      ...(short.length > maxShort ? [`  ${short.length - maxShort} more that are not green`] : []),
      ...short.slice(-maxShort).map((point) => testTitle(point, context)),
      ...order.slice(-maxFull).flatMap((point) => testLines(point, context)),
      ...splats.slice(0, maxSplats).flatMap((splat) => splatLines(splat, job, context)),
      ...(splats.length > maxSplats ? [`  ${splats.length - maxSplats} more kernel reports`] : []),
      ...steps.flatMap((step) => failureLines(step, context)),
      ...unexplained(job, causes.length, context),
      ...again(repeat(job, bad, splats.length + steps.length), context),
    ],
  };
}

/** The lines a declared test gets that left no point. */
const isMissing = (point: TestPoint): boolean =>
  point.status === 'MISS' && point.diagnostics.length === 1 && point.diagnostics[0] === 'never ran';

/** Steps that went wrong without saying why, and jobs whose steps never ended. */
function unexplained(job: JobResult, causes: number, context: Context): string[] {
  const others = [...job.tests, ...job.steps.filter((step) => step.failure !== undefined)];
  const told = new Set(others.map((part) => part.status));
  const steps = job.steps.filter((step) => notGreen(step.status) && !told.has(step.status));
  const lines = steps.map((step) => `  ${context.paint.status(step.status)}  step ${step.step}`);
  const known = worst([...steps, ...others].map((part) => part.status));
  if (context.result.interrupted === true && job.steps.every((step) => step.step !== 'teardown'))
    lines.push('  cut off here');
  else if (causes === 1 && lines.length === 0 && job.status === 'MISS' && known !== 'MISS')
    lines.push('  a step of this job never ended');
  return lines;
}

function testLines(point: TestPoint, context: Context): string[] {
  const shown = point.diagnostics.slice(-maxDiagnostics);
  const left = point.diagnostics.length - shown.length;
  return [
    testTitle(point, context),
    ...(left > 0 ? [`        (${left} lines above)`] : []),
    ...shown.map((line) => `        ${clean(line, context.columns - 8)}`.trimEnd()),
  ];
}

function testTitle(point: TestPoint, { paint, columns }: Context): string {
  const reason =
    point.directive === undefined ? '' : ` (${point.directive.name} ${point.directive.reason})`;
  const time = point.ms === undefined ? '' : `  ${formatDuration(point.ms)}`;
  const rate = point.rate === undefined ? '' : ` (${point.rate.bad}/${point.rate.of} rounds)`;
  const text = clean(`${point.path.join(' > ')}${rate}${reason}`, columns - 9 - time.length);
  return `  ${paint.status(point.status, point.status.padEnd(5))} ${paint.bold(text)}${time}`;
}

function splatLines(splat: Splat, job: JobResult, { paint, columns }: Context): string[] {
  const { lines, left } = cleanLines(splat.text, columns - 8, maxSplatLines);
  const during = splat.during.map((path) => clean(path, columns - 15));
  const folder = visible(roundId(job.id, splat.round ?? 1));
  const file = `jobs/${folder}/console.log, bytes ${splat.from} to ${splat.to}`;
  return [
    `  ${paint.status('FAIL', 'SPLAT')} ${paint.bold(clean(splat.title, columns - 8))}`,
    ...during.slice(0, 4).map((path) => `        during ${path}`),
    ...lines.map((line) => `        ${line}`.trimEnd()),
    `        (${left > 0 ? `${left} more lines in ` : 'from '}${file})`,
  ];
}

function failureLines(step: StepResult, context: Context): string[] {
  const { failure } = step;
  const { paint, columns } = context;
  if (failure === undefined) return [];
  // What failed is never cut off: a file and a hunk may stand at its end.
  const [first = '', ...rest] = wrap(`${step.step}: ${failure.title.slice(0, 1000)}`, columns - 8);
  const detail = cleanLines(failure.detail ?? '', columns - 8, maxDetail);
  return [
    `  ${paint.status(step.status, step.status.padEnd(5))} ${paint.bold(cut(first, columns - 8))}`,
    ...rest.map((line) => `        ${paint.bold(cut(line, columns - 8))}`),
    `        ${clean(failure.code, 40)}, blame: ${blames[failure.blame]}`,
    ...(failure.detail === undefined
      ? []
      : detail.lines.map((line) => `        ${line}`.trimEnd())),
    ...(detail.left > 0 ? [`        (${detail.left} more lines)`] : []),
    ...(failure.artifact === undefined
      ? []
      : [`        more in ${visible(failure.artifact.slice(0, 1000))}`]),
    ...(failure.hint === undefined ? [] : prose(`hint: ${failure.hint}`, '        ', context)),
  ];
}

const blames = {
  series: 'the code under test',
  test: 'the test',
  lab: 'this host or QEMU',
  usage: 'the command line',
  tool: 'pgmap itself',
} as const;

function stepProblem(step: StepResult, context: Context): Problem {
  const title = step.failure?.title ?? `step ${step.step}`;
  const text = clean(`${step.step}: ${title}`, 160);
  return {
    status: step.status,
    causes: [{ status: step.status, text }],
    lines: [
      heading(step.status, `step ${step.step}`, context),
      ...failureLines(step, context),
      ...again(runCommand(context.result), context),
    ],
  };
}

function typeProblem(name: string, jobs: readonly JobResult[], context: Context): Problem {
  const title = `${clean(name, 40)} not covered`;
  return {
    status: 'MISS',
    causes: [{ status: 'MISS', text: title }],
    lines: [
      heading('MISS', title, context),
      ...prose(
        `memremap_pages() was not called with this type in any guest, although ${jobs.map(nameOf).join(', ')} passed: what passed proves nothing about it`,
        '  ',
        context,
      ),
      ...again(jobs[0]?.reproduce ?? '', context),
    ],
  };
}

function simple(status: Status, title: string, text: string, context: Context): Problem {
  return {
    status,
    causes: [{ status, text: title }],
    lines: [
      heading(status, title, context),
      ...prose(text, '  ', context),
      ...again(runCommand(context.result), context),
    ],
  };
}

const heading = (status: Status, title: string, { paint, columns }: Context): string =>
  `${paint.status(status, `== ${status}`)} ${paint.bold(cut(title, columns - 9))}`;

const prose = (text: string, indent: string, { columns }: Context): string[] =>
  wrap(text, columns - indent.length - 2).map((line, index) =>
    cut(`${indent}${index === 0 ? '' : '  '}${line}`, columns),
  );

/** To be pasted, so it is neither cut nor broken. */
const again = (command: string, { paint }: Context): string[] =>
  command === '' ? [] : [`  ${paint.dim('again:')} ${visible(command)}`];

/** The job's own command, narrowed down to its failed tests if they are all there is. */
function repeat(job: JobResult, bad: readonly TestPoint[], others: number): string {
  const tests = new Set(bad.map((point) => point.path.slice(0, 2).join(' > ')));
  const addressable = bad.every(
    (point) => !point.path.slice(0, 2).some((name) => name.includes('>')),
  );
  if (job.reproduce === '' || / --test\b/.test(job.reproduce)) return job.reproduce;
  if (others > 0 || tests.size === 0 || tests.size > 3 || !addressable) return job.reproduce;
  return [job.reproduce, ...[...tests].flatMap((test) => ['--test', quote(test)])].join(' ');
}

const runCommand = ({ argv }: RunResult): string =>
  argv.length === 0 ? '' : commandLine(argv[0] === 'pgmap' ? argv : ['pgmap', ...argv]);

const nameOf = (job: JobResult): string => clean(`${job.suite} @ ${job.topology}`, 48);

const pathOf = (point: TestPoint): string => clean(point.path.join(' > '), 100);

const count = (many: number, word: string): string => `${many} ${word}${many === 1 ? '' : 's'}`;
