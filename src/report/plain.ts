// The report people read. Its order is that of a terminal: what matters most stands last, the verdict at the very end.
import type { BaselineInfo } from '../core/change.ts';
import type { JobResult } from '../core/job-result.ts';
import type { RunResult } from '../core/result.ts';
import { type Status, statuses, tally } from '../core/status.ts';
import { formatDuration, formatSize } from '../core/units.ts';
import { changeLines, changeVerdict } from './changes.ts';
import { clean, cut, visible, wrap } from './escape.ts';
import { type Cell, type Palette, palette, table } from './layout.ts';
import { callerLines, layoutLines, patchLines } from './patches.ts';
import { notGreen } from './points.ts';
import { type Problem, problemsOf } from './problems.ts';

export interface PlainOptions {
  readonly color: boolean;
  /** Columns that lines of guest output are cut to. Commands to paste are never cut. */
  readonly width: number;
}

/** The whole report, with a final newline. */
export function plain(result: RunResult, options: PlainOptions): string {
  const columns = Math.max(72, Number.isFinite(options.width) ? Math.floor(options.width) : 100);
  const paint = palette(options.color);
  const problems = problemsOf(result, paint, columns);
  const sections = [
    head(result, columns),
    typeLines(result, paint, columns),
    jobLines(result, paint, columns),
    patchLines(result, paint, columns),
    layoutLines(result, columns),
    callerLines(result, paint, columns),
    remarkLines(result, paint, columns),
    ...problems.map((problem) => problem.lines),
    changeLines(result, paint, columns),
    endLines(result, problems, paint, columns),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${text.join('\n\n')}\n`;
}

function head(result: RunResult, columns: number): string[] {
  const { baseline, host, kernel, series } = result;
  const rows: [string, string][] = [['tested', result.subject]];
  if (series !== undefined)
    rows.push([
      'series',
      `${series.title} (${series.patches === 1 ? '1 patch' : `${series.patches} patches`} on ${series.base.slice(0, 12)}${baseWhy[series.baseFrom ?? 'head']})`,
    ]);
  if (baseline !== undefined) rows.push([baseline.kind, baselineText(baseline)]);
  if (kernel !== undefined)
    rows.push([
      'kernel',
      `${kernel.release}, build ${kernel.key.slice(0, 12)}${kernel.variant === undefined ? '' : `, variant ${kernel.variant}`}`,
    ]);
  if (result.sandbox !== undefined) rows.push(['builds', result.sandbox.text]);
  rows.push(['host', `${host.cpus} CPUs, ${formatSize(host.memoryBytes)}, accel ${host.accel}`]);
  rows.push(['run', result.id]);
  return rows.map(([name, value]) => `${name.padEnd(6)}  ${clean(value, columns - 8)}`);
}

/** Why the series was put on its base; nothing where that is what anybody expects. */
const baseWhy = {
  option: ', as --base says',
  range: ', where the range begins',
  'base-commit': ', its base-commit',
  head: '',
} as const;

function typeLines(result: RunResult, paint: Palette, columns: number): string[] {
  const wanted = new Set(result.jobs.flatMap((job) => job.types));
  const rows = Object.entries(result.types).map(([name, type]): Cell[] => {
    const suites = clean(type.suites.join(', '), columns);
    if (type.covered)
      return [
        { text: clean(name, Math.max(24, columns - 70)) },
        { text: 'covered' },
        { text: count(type.mappings, 'mapping'), right: true },
        { text: count(type.pages, 'page'), right: true },
        wanted.has(name) ? statusCell(type.status, paint) : { text: '-', paint: paint.dim },
        { text: suites },
      ];
    const asked = wanted.has(name);
    return [
      { text: clean(name, Math.max(24, columns - 70)) },
      asked && type.status !== 'SKIP'
        ? { text: 'NOT COVERED', paint: paint.loud }
        : { text: 'not covered' },
      { text: '' },
      { text: '' },
      asked ? statusCell(type.status, paint) : { text: '-', paint: paint.dim },
      type.isNew === true
        ? { text: 'NEW: NO SUITE IS FOR IT', paint: paint.loud }
        : { text: asked ? 'no guest mapped it' : 'no job was for it' },
    ];
  });
  const others = Object.entries(result.types).flatMap(([name, { was }]) =>
    was === undefined ? [] : [cut(visible(`${name} is what suites call ${was}`), columns)],
  );
  return [...table(rows, columns), ...others];
}

function jobLines(result: RunResult, paint: Palette, columns: number): string[] {
  const rows = result.jobs.map((job): Cell[] => [
    statusCell(job.status, paint),
    { text: nameOf(job, Math.max(24, columns - 48)) },
    { text: job.bootMs === undefined ? 'no boot' : `boot ${formatDuration(job.bootMs)}` },
    { text: formatDuration(job.ms), right: true },
    ranNothing(job)
      ? { text: `NOTHING RAN: ${countsOf(job)}`, paint: paint.loud }
      : { text: countsOf(job) },
  ]);
  return table(rows, columns);
}

/** What is no problem, but must not be overlooked either: skips, expected failures, allowed splats, notes. */
function remarkLines(result: RunResult, paint: Palette, columns: number): string[] {
  const lines = [
    ...grouped(
      'skipped',
      result.jobs.flatMap((job) =>
        job.tests
          .filter((point) => point.status === 'SKIP')
          .map((point) => [point.directive?.reason ?? 'no reason given', point.path.join(' > ')]),
      ),
      paint,
      columns,
    ),
    ...grouped(
      'passed with a remark',
      result.jobs.flatMap((job) =>
        job.tests
          .filter((point) => point.status === 'PASS' && point.directive !== undefined)
          .map((point) => [
            `${point.directive?.name ?? ''} ${point.directive?.reason ?? ''}`,
            point.path.join(' > '),
          ]),
      ),
      paint,
      columns,
    ),
    ...grouped(
      'allowed kernel reports',
      result.jobs.flatMap((job) =>
        job.splats.flatMap((splat) =>
          splat.allowed === undefined ? [] : [[splat.allowed, `${splat.title} in ${nameOf(job)}`]],
        ),
      ),
      paint,
      columns,
    ),
  ];
  for (const note of result.notes.slice(0, maxGroups))
    for (const [index, line] of wrap(note.slice(0, 1000), columns - 6).entries())
      lines.push(cut(`${index === 0 ? 'note: ' : '      '}${line}`, columns));
  if (result.notes.length > maxGroups) lines.push(`      ${result.notes.length - maxGroups} more`);
  return lines;
}

const maxGroups = 20;

/** One line per reason: how many, why, which. */
function grouped(
  title: string,
  entries: readonly (readonly string[])[],
  paint: Palette,
  columns: number,
): string[] {
  const groups = new Map<string, string[]>();
  for (const [reason = '', name = ''] of entries) {
    const names = groups.get(reason) ?? [];
    names.push(name);
    groups.set(reason, names);
  }
  const lines = [...groups].slice(0, maxGroups).map(([reason, names]) => {
    const start = `${title} ${names.length}: ${clean(reason, columns)} `;
    const room = Math.max(20, columns - start.length - 2);
    const line = cut(`${start}(${clean(names.join(', '), room)})`, columns);
    return line.replace(title, (text) => paint.bold(text));
  });
  if (groups.size > maxGroups) lines.push(`${title}: ${groups.size - maxGroups} more reasons`);
  return lines;
}

/** Totals, figures, and the verdict in one line. */
function endLines(
  result: RunResult,
  problems: readonly Problem[],
  paint: Palette,
  columns: number,
): string[] {
  const { timing, jobs } = result;
  const build = result.steps.find((step) => step.step === 'build');
  const boots = jobs.flatMap((job) => job.bootMs ?? []).sort((a, b) => a - b);
  const figures = [
    ...(build === undefined
      ? []
      : [
          `build ${formatDuration(timing.buildMs)}${build.note === undefined ? '' : ` (${clean(build.note, 30)})`}`,
        ]),
    ...(boots.length === 0 ? [] : [`boot ${formatDuration(median(boots))} (median)`]),
    `tests ${formatDuration(timing.testMs)}`,
    `total ${formatDuration(timing.totalMs)}`,
  ];
  const totals = tallyText(jobs.flatMap((job) => job.tests.map((point) => point.status)));
  return [
    `${totals || 'no tests'} in ${count(jobs.length, 'job')}`,
    cut(figures.join(', '), columns),
    `${paint.status(result.status)}  ${cut(verdict(result, problems), columns - 7)}`,
  ];
}

function baselineText({ kind, id, subject, built, status, jobs, cached }: BaselineInfo): string {
  const run = kind === 'run' ? `${id}: ` : '';
  if (!built) return `${run}${subject}, does not build`;
  const known = cached === 0 ? '' : `, ${cached === jobs ? 'all' : cached} cached`;
  return `${run}${subject}, ${status} in ${count(jobs, 'job')}${known}`;
}

function verdict(result: RunResult, problems: readonly Problem[]): string {
  const changed = changeVerdict(result);
  const own = ownVerdict(result, problems);
  if (changed === undefined) return own;
  return notGreen(result.status) ? `${changed}; ${own}` : `${own}; ${changed}`;
}

function ownVerdict(result: RunResult, problems: readonly Problem[]): string {
  const empty = [...new Set(result.jobs.filter(ranNothing).map((job) => job.suite))];
  const added = Object.entries(result.types).flatMap(([name, { isNew }]) => (isNew ? [name] : []));
  const silent = [
    ...(empty.length === 0 ? [] : [`; NOTHING RAN in ${empty.map(visible).join(', ')}`]),
    ...(added.length === 0 ? [] : [`; NO SUITE IS FOR ${added.map(visible).join(', ')}`]),
  ].join('');
  if (result.status === 'SKIP') return 'nothing ran: everything was skipped';
  if (!notGreen(result.status)) {
    const types = Object.values(result.types);
    const covered = types.filter((type) => type.covered).length;
    return `${types.length === 0 ? 'nothing failed' : `${covered} of ${types.length} memory types covered, nothing failed`}${silent}`;
  }
  const causes = problems.toReversed().flatMap((problem) => problem.causes);
  const worstFirst = statuses.flatMap((status) =>
    causes.filter((cause) => cause.status === status).map((cause) => cause.text),
  );
  const shown = [...new Set(worstFirst)];
  const more = shown.length > 3 ? `; ${shown.length - 3} more` : '';
  return `${shown.slice(0, 3).join('; ')}${more}${silent}`;
}

const statusCell = (status: Status, paint: Palette): Cell => ({
  text: status.padEnd(5),
  paint: (text) => paint.status(status, text),
});

const nameOf = (job: JobResult, columns = 48): string =>
  clean(`${job.suite} @ ${job.topology}`, Math.min(48, columns));

const ranNothing = (job: JobResult): boolean =>
  job.tests.length > 0 && job.tests.every((point) => point.status === 'SKIP');

function countsOf(job: JobResult): string {
  const { rounds } = job;
  if (rounds !== undefined && rounds.bad > 0 && rounds.bad < rounds.of)
    return `${rounds.bad} of ${rounds.of} rounds bad: ${countsOfRound(job)}`;
  return `${rounds === undefined ? '' : `${rounds.of} rounds: `}${countsOfRound(job)}`;
}

function countsOfRound(job: JobResult): string {
  const splats = job.splats.filter((splat) => splat.allowed === undefined).length;
  const tests = tallyText(job.tests.map((point) => point.status)) || 'no tests';
  return splats === 0 ? tests : `${tests}, ${count(splats, 'kernel report')}`;
}

const words: Record<Status, string> = {
  PASS: 'passed',
  FAIL: 'failed',
  ERROR: 'broken',
  MISS: 'missing',
  SKIP: 'skipped',
};

/** `104 passed, 1 failed, 3 skipped`; what there is none of is left out. */
function tallyText(members: readonly Status[]): string {
  const counted = tally(members);
  return (['PASS', 'FAIL', 'ERROR', 'MISS', 'SKIP'] as const)
    .filter((status) => counted[status] > 0)
    .map((status) => `${counted[status]} ${words[status]}`)
    .join(', ');
}

const count = (many: number, word: string): string => `${many} ${word}${many === 1 ? '' : 's'}`;

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + high) / 2 : high;
}
