// What happens right now, for standard error: a few lines that stay in place on a terminal, else lines at moments that
// matter. It holds nothing that the report does not say later.
import { isWorse } from '../core/change.ts';
import type { Event, EventBody, JobInfo, Reporter, Step } from '../core/event.ts';
import type { JobResult } from '../core/job-result.ts';
import { fold } from '../core/result.ts';
import { roundOf } from '../core/rounds.ts';
import { formatDuration } from '../core/units.ts';
import { changeRemark } from './changes.ts';
import { clean, cut } from './escape.ts';
import { palette } from './layout.ts';
import { notGreen } from './points.ts';
import { newStatusLines } from './status-lines.ts';

/** Everything that a process has and a pure function has not. */
export interface LiveOptions {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly color: boolean;
  /** Asked before every frame, so that a resized window needs no signal. 0 or undefined: unknown. */
  readonly columns: () => number | undefined;
  readonly clock: {
    /** Monotonic milliseconds. */
    now(): number;
    /** Calls `tick` every `ms`, without keeping the process alive; returns what stops it. */
    every(ms: number, tick: () => void): () => void;
  };
}

/** `close` (or the event `run-end`) takes the status lines away and gives the cursor back; call it on every way out. */
export function live(options: LiveOptions): Reporter {
  const { write, isTerminal, clock } = options;
  const paint = palette(options.color);
  const jobs = new Map<string, Job>();
  const steps = new Map<Step, Activity>();
  const make: Make = { last: '' };
  let drawnAt = -Infinity;
  let heardAt = clock.now();
  let open = true;

  const columns = (): number => {
    const asked = options.columns() ?? 0;
    return isTerminal ? Math.max(20, asked > 0 ? asked : 80) : Math.max(60, asked);
  };

  const status = (): string[] => {
    const now = clock.now();
    const running = [...jobs.values()].filter((job) => job.activity !== undefined);
    const lines = [...steps].map(([step, activity]) => stepLine(step, activity, make, now));
    lines.push(...running.slice(0, maxJobs).map((job) => jobLine(job, now)));
    if (running.length > maxJobs) lines.push(`... and ${running.length - maxJobs} more`);
    // One column stays free: a full line makes some terminals wrap.
    return lines.map((line) => cut(line, columns() - 1));
  };

  const draw = newStatusLines(write, columns);
  const frame = (permanent: readonly string[], lines: readonly string[]): void => {
    if (draw(permanent, lines)) drawnAt = clock.now();
  };

  const say = (lines: readonly string[]): void => {
    if (lines.length === 0) return;
    heardAt = clock.now();
    if (isTerminal) frame(lines, status());
    else write(lines.map((line) => `${line}\n`).join(''));
  };

  const tick = (): void => {
    if (!open) return;
    if (isTerminal) {
      if (clock.now() - drawnAt >= frameMs) frame([], status());
      return;
    }
    say(announce(steps, jobs, clock.now()));
    if (clock.now() - heardAt >= stillMs) say(status().map((line) => `still running: ${line}`));
  };

  const stop = clock.every(isTerminal ? frameMs : 500, tick);
  const close = (): void => {
    if (!open) return;
    if (isTerminal) frame([], []);
    open = false;
    stop();
  };

  return {
    on(event) {
      if (!open) return;
      say(take(event));
      if (event.type === 'run-end') close();
      else if (isTerminal) tick();
    },
    close: () => {
      close();
      return Promise.resolve();
    },
  };

  /** Notes what an event changes; returns the lines that are worth to stay on the screen. */
  function take(event: Event): string[] {
    const job = 'job' in event && event.job !== undefined ? jobOf(event.job) : undefined;
    if (job !== undefined && event.type !== 'line') job.events.push(event);
    const wide = columns() - 1;
    switch (event.type) {
      case 'run-begin':
        for (const info of event.run.jobs) jobs.set(info.id, newJob(info));
        return [];
      case 'note':
        return [clean(`note: ${event.text}`, wide)];
      case 'step-begin':
        if (job !== undefined) job.activity = newActivity(event.step, clock.now());
        else {
          steps.set(event.step, newActivity(event.step, clock.now()));
          make.last = '';
        }
        return [];
      case 'step-end':
        if (job === undefined) return stepEnd(event, wide);
        job.activity = undefined;
        return event.step === 'teardown' ? [jobEnd(job, wide)] : [];
      case 'test': {
        if (job === undefined) return [];
        const { point } = event;
        job.points++;
        job.last = point.path.slice(1).join(' > ');
        if (!notGreen(point.status) || ++job.bad > maxBad) return [];
        return [badge(point.status, `${point.path.join(' > ')} (${job.info.topology})`, wide)];
      }
      case 'splat': {
        if (event.splat.allowed !== undefined) return [];
        if (job !== undefined && ++job.bad > maxBad) return [];
        const place = job === undefined ? event.job : nameOf(job.info);
        return [badge('FAIL', `${event.splat.title} (${place})`, wide)];
      }
      case 'line':
        if (event.source === 'make') {
          make.last = event.text.slice(0, 500).trim();
        }
        return [];
      case 'run-end':
        // Jobs whose record has no teardown: their end is the run's.
        return [...jobs.values()]
          .filter((one) => one.events.length > 0)
          .map((one) => jobEnd(one, wide));
      case 'change':
        return isWorse(event.change)
          ? [badge('FAIL', `${event.change.path.join(' > ')}: ${changeRemark(event.change)}`, wide)]
          : [];
      case 'resume':
      case 'baseline':
      case 'patch':
      case 'callers':
      case 'layout':
      case 'accel':
      case 'kernel':
      case 'series':
      case 'sandbox':
      case 'coverage':
      case 'artifact':
        return [];
    }
    return [];
  }

  /** A further round is a job of its own here. */
  function jobOf(id: string): Job | undefined {
    const first = jobs.get(roundOf(id).job);
    const job = jobs.get(id) ?? (first === undefined ? undefined : newJob({ ...first.info, id }));
    if (job !== undefined) jobs.set(id, job);
    return job;
  }

  function stepEnd(event: Event & EventBody & { type: 'step-end' }, wide: number): string[] {
    const activity = steps.get(event.step);
    steps.delete(event.step);
    const ms = activity === undefined ? 0 : clock.now() - activity.since;
    if (!notGreen(event.status) && ms < worthMs) return [];
    const why = event.failure?.title ?? event.note ?? '';
    return [
      badge(
        event.status,
        `${event.step}  ${formatDuration(ms)}${why === '' ? '' : `  ${why}`}`,
        wide,
      ),
    ];
  }

  /** The verdict is that of the report: it comes from the same fold, over this job's part of the record. */
  function jobEnd(job: Job, wide: number): string {
    const result = resultOf(job);
    job.activity = undefined;
    const failure = result?.failure === undefined ? '' : `  ${result.failure.title}`;
    const text = `${nameOf(job.info)}  ${count(job.points, 'test')}  ${formatDuration(result?.ms ?? 0)}${failure}`;
    job.events.length = 0;
    return badge(result?.status ?? 'MISS', text, wide);
  }

  function badge(word: JobResult['status'], text: string, wide: number): string {
    return `${paint.status(word, word.padEnd(5))} ${clean(text, wide - 6)}`;
  }
}

interface Job {
  readonly info: JobInfo;
  /** Its part of the record until it is done. */
  readonly events: Event[];
  /** Lines about what went wrong so far. */
  bad: number;
  points: number;
  last: string;
  activity: Activity | undefined;
}

interface Activity {
  readonly step: Step;
  readonly since: number;
  announced: boolean;
}

/** What the run's own steps last said of themselves: the file being compiled, whose lock is waited for. */
interface Make {
  last: string;
}

/** Ten frames a second: time passes visibly, and a slow line is not flooded. */
const frameMs = 100;
/** A step of which it is worth to say that it began, or that it passed. */
const worthMs = 2000;
/** Where lines cannot be rewritten: often enough to see that it goes on, seldom enough for a log. */
const stillMs = 20_000;
const maxJobs = 8;
/** Lines about failures per job; the report has the rest. */
const maxBad = 10;

const newJob = (info: JobInfo): Job => ({
  ...{ info, events: [], bad: 0, points: 0, last: '', activity: undefined },
});

const newActivity = (step: Step, since: number): Activity => ({ step, since, announced: false });

function stepLine(step: Step, activity: Activity, make: Make, now: number): string {
  const time = formatDuration(roundDown(now - activity.since));
  const progress = make.last === '' ? '' : `  ${clean(make.last, 200)}`;
  return `${step}  ${time}${progress}`;
}

function jobLine({ info, activity, points, last }: Job, now: number): string {
  const time = formatDuration(roundDown(now - (activity?.since ?? now)));
  const tests = points === 0 ? '' : `  ${count(points, 'test')}`;
  return clean(`${nameOf(info)}  ${activity?.step ?? ''} ${time}${tests}  ${last}`, 200).trimEnd();
}

/** Tenths would only flicker. */
const roundDown = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** Steps that have become long enough to be mentioned, each once. */
function announce(
  steps: ReadonlyMap<Step, Activity>,
  jobs: ReadonlyMap<string, Job>,
  now: number,
): string[] {
  const lines: string[] = [];
  const add = (activity: Activity, name: string): void => {
    if (activity.announced || now - activity.since < worthMs) return;
    activity.announced = true;
    lines.push(`...   ${name}`);
  };
  for (const [step, activity] of steps) add(activity, step);
  for (const job of jobs.values())
    if (job.activity !== undefined) add(job.activity, `${nameOf(job.info)}  ${job.activity.step}`);
  return lines;
}

function resultOf(job: Job): JobResult | undefined {
  const run = {
    id: '',
    startedAt: '',
    argv: [],
    version: '',
    host: { cpus: 0, memoryBytes: 0, accel: '' },
    subject: '',
    jobs: [job.info],
  };
  return fold([
    { at: 0, type: 'run-begin', run },
    ...job.events,
    { at: job.events.at(-1)?.at ?? 0, type: 'run-end', status: 'PASS' },
  ]).jobs[0];
}

function nameOf({ id, suite, topology }: JobInfo): string {
  const { round } = roundOf(id);
  return clean(`${suite} @ ${topology}${round === 1 ? '' : ` #${round}`}`, 48);
}

const count = (many: number, word: string): string => `${many} ${word}${many === 1 ? '' : 's'}`;
