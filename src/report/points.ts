// Machine formats know test points only. Here everything else that keeps a run from being green becomes a point too.
import type { Change } from '../core/change.ts';
import type { TestPoint } from '../core/event.ts';
import type { JobResult, StepResult } from '../core/job-result.ts';
import type { RunResult } from '../core/result.ts';
import { type Status, worst } from '../core/status.ts';
import { changeRemark } from './changes.ts';
import { cleanLines } from './escape.ts';

/**
 * A job's points, and one for each splat that is not allowed, for each step that failed, and, if all that does not
 * explain the job's status, one for the job itself. The worst of them is the job's status; a job is never empty.
 */
export function jobPoints(job: JobResult, changes: readonly Change[] = []): TestPoint[] {
  const remarks = new Map(
    changes
      .filter((change) => change.job === job.id)
      .map((change) => [change.path.join('\0'), changeRemark(change)]),
  );
  return ownPoints(job).map((point) => {
    const remark = remarks.get(point.path.join('\0'));
    if (remark === undefined || !notGreen(point.status)) return point;
    return { ...point, diagnostics: [remark, ...point.diagnostics] };
  });
}

function ownPoints(job: JobResult): TestPoint[] {
  const points = [...job.tests];
  for (const step of job.steps)
    if (notGreen(step.status) && step.failure !== undefined)
      points.push(stepPoint(job.suite, step));
  for (const splat of job.splats)
    if (splat.allowed === undefined)
      points.push({
        path: [job.suite, 'kernel reports', splat.title],
        status: 'FAIL',
        diagnostics: [
          ...splat.during.map((path) => `during ${path}`),
          ...cleanLines(splat.text, textColumns, 60).lines,
        ],
      });
  const status = worst(points.map((point) => point.status));
  if (points.length === 0 || status !== job.status)
    points.push({
      path: [job.suite, 'the job itself'],
      status: job.status,
      diagnostics: job.steps
        .filter((step) => notGreen(step.status))
        .map((step) => `${step.step}: ${step.status}`),
    });
  return points;
}

/** Points of the run itself: its steps, the coverage of the memory types that jobs were for, and the run as a whole. */
export function runPoints(result: RunResult): TestPoint[] {
  const points = result.steps.map((step) => stepPoint('run', step));
  const wanted = new Set(result.jobs.flatMap((job) => job.types));
  for (const [name, type] of Object.entries(result.types))
    if (wanted.has(name))
      points.push({
        path: ['memory types', name],
        status: type.status,
        ...(type.status === 'SKIP'
          ? { directive: { name: 'SKIP', reason: 'all its jobs were skipped' } }
          : {}),
        diagnostics: [
          type.covered
            ? `covered: mappings ${type.mappings}, pages ${type.pages}`
            : 'memremap_pages() was not called with it in any guest',
          ...(notGreen(type.status) ? [`the worst of its jobs is ${worstOf(result, name)}`] : []),
        ],
      });
  const status = worst([...points, ...result.jobs].map((part) => part.status));
  if (notGreen(result.status) && status !== result.status)
    points.push({
      path: ['run', 'the run itself'],
      status: result.status,
      diagnostics: [
        ...(result.interrupted === true ? ['interrupted: its record has no end'] : []),
        ...result.notes,
      ],
    });
  return points;
}

const worstOf = (result: RunResult, type: string): Status =>
  worst(result.jobs.filter((job) => job.types.includes(type)).map((job) => job.status));

/** Neither PASS nor SKIP. */
export const notGreen = (status: Status): boolean => status !== 'PASS' && status !== 'SKIP';

/** Columns at which machine formats cut a line of guest output. */
export const textColumns = 1000;

function stepPoint(group: string, step: StepResult): TestPoint {
  const { failure } = step;
  const reason = failure?.title ?? step.note ?? 'nothing to do';
  return {
    path: [group, `step ${step.step}`],
    status: step.status,
    ...(step.status === 'SKIP' ? { directive: { name: 'SKIP', reason } } : {}),
    diagnostics:
      failure === undefined
        ? []
        : [
            `${failure.code} (blame: ${failure.blame}): ${failure.title}`,
            ...(failure.detail === undefined
              ? []
              : cleanLines(failure.detail, textColumns, 60).lines),
            ...(failure.hint === undefined ? [] : [`hint: ${failure.hint}`]),
          ],
    ms: step.ms,
  };
}
