// Which jobs of a record need not be run again when a run that was cut short goes on.
import type { Event, EventBody, JobId } from './event.ts';
import type { Status } from './status.ts';

interface Ended {
  readonly step: string;
  readonly status: Status;
}

/**
 * Whether the steps of a job that have ended make it a finished one: it came to its teardown, and no step is a MISS. Of a
 * job that the lab has lost nothing is known, so it is tried again.
 */
export const isFinished = (steps: readonly Ended[]): boolean =>
  steps.some(({ step, status }) => step === 'teardown' && status === 'PASS') &&
  steps.every(({ status }) => status !== 'MISS');

/** The finished jobs, and whether something in them FAILed. What an unfinished one has told counts for nothing. */
export function finishedJobs(events: Iterable<Event>): Map<JobId, { readonly failed: boolean }> {
  const jobs = new Map<JobId, { steps: Ended[]; failed: boolean }>();
  const unfinished = (): JobId[] =>
    [...jobs].filter(([, { steps }]) => !isFinished(steps)).map(([id]) => id);
  for (const event of events) {
    if (event.type === 'resume') for (const id of unfinished()) jobs.delete(id);
    if (!('job' in event) || event.job === undefined) continue;
    const job = jobs.get(event.job) ?? { steps: [], failed: false };
    jobs.set(event.job, job);
    if (event.type === 'step-end') job.steps.push(event);
    job.failed ||= isFail(event);
  }
  for (const id of unfinished()) jobs.delete(id);
  return new Map([...jobs].map(([id, { failed }]) => [id, { failed }]));
}

/** Whether an event says that the kernel is faulty. */
export const isFail = (event: EventBody): boolean =>
  (event.type === 'test' && event.point.status === 'FAIL') ||
  (event.type === 'splat' && event.splat.allowed === undefined) ||
  (event.type === 'step-end' && event.status === 'FAIL');
