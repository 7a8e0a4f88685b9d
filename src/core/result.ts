// fold(events) → RunResult: what a run came to. The only way from the record to a verdict; results.json is this value.
import type { BaselineInfo, Change } from './change.ts';
import { sumOfUse } from './coverage.ts';
import type { Event, KernelInfo, RunInfo, SandboxInfo, SeriesInfo, Step } from './event.ts';
import { isFinished } from './finished.ts';
import {
  inTreeNames,
  type JobResult,
  jobResult,
  type JobState,
  newJob,
  type StepResult,
  unannounced,
} from './job-result.ts';
import type { Caller, PatchInfo } from './patch.ts';
import { type Renamed, suiteName } from './rename.ts';
import { mergeRounds, roundOf } from './rounds.ts';
import { type Status, worst } from './status.ts';
import { type TypeResult, typeResults } from './type-result.ts';

/** Milliseconds of wall time; boot and test are sums over jobs, which may have run side by side. */
export interface Timing {
  readonly applyMs: number;
  readonly buildMs: number;
  readonly bootMs: number;
  readonly testMs: number;
  readonly totalMs: number;
}

export interface RunResult {
  readonly schema: 1;
  readonly id: string;
  readonly status: Status;
  /** The record has no end: the run was interrupted, and is MISS at best. */
  readonly interrupted?: true;
  readonly startedAt: string;
  /** What was tested, in one line. */
  readonly subject: string;
  readonly argv: readonly string[];
  readonly host: RunInfo['host'];
  readonly kernel?: KernelInfo;
  readonly series?: SeriesInfo;
  /** Of the builds. */
  readonly sandbox?: SandboxInfo;
  readonly types: Readonly<Record<string, TypeResult>>;
  /** Steps of the run itself: apply, configure, build, image. */
  readonly steps: readonly StepResult[];
  readonly jobs: readonly JobResult[];
  /** What `changes` are changes from. */
  readonly baseline?: BaselineInfo;
  readonly changes: readonly Change[];
  /** One by one, where that was asked for. */
  readonly patches?: readonly PatchInfo[];
  readonly callers?: readonly Caller[];
  /** How `struct dev_pagemap` and `enum memory_type` change. */
  readonly layout?: readonly string[];
  readonly notes: readonly string[];
  readonly timing: Timing;
}

/**
 * What the events say. Total: any prefix of a record folds to a result, and what a cut record does not tell is MISS.
 */
export function fold(events: Iterable<Event>): RunResult {
  let run: RunInfo | undefined;
  let kernel: KernelInfo | undefined;
  let series: SeriesInfo | undefined;
  let sandbox: SandboxInfo | undefined;
  let enumerators: readonly string[] = [];
  let accel: string | undefined;
  let last = 0;
  let ended: Status | undefined;
  const open = new Set<Step>();
  const jobs = new Map<string, JobState>();
  const steps: StepResult[] = [];
  /** Of before a resume: they took their time, and have been done again since. */
  const earlier: StepResult[] = [];
  let resumes: readonly string[] = [];
  const begun = new Map<string, number>();
  const notes: string[] = [];
  /** Before a resume. */
  const told = new Set<string>();
  const note = (text: string): void => {
    if (!told.has(text)) notes.push(text);
  };
  const changes: Change[] = [];
  const patches = new Map<number, PatchInfo>();
  let callers: readonly Caller[] | undefined;
  let layout: readonly string[] | undefined;
  let renamed: Renamed = {};
  let added: readonly string[] = [];
  let baseline: BaselineInfo | undefined;

  // Nothing may get lost because its job was not announced; a further round is like the first.
  const jobOf = (id: string): JobState => {
    const job = jobs.get(id) ?? newJob(jobs.get(roundOf(id).job)?.info ?? unannounced(id));
    jobs.set(id, job);
    return job;
  };

  for (const event of events) {
    last = Math.max(last, event.at);
    const job = 'job' in event && event.job !== undefined ? jobOf(event.job) : undefined;
    switch (event.type) {
      case 'run-begin':
        run = event.run;
        for (const info of event.run.jobs) jobs.set(info.id, newJob(info));
        break;
      case 'resume': {
        const finished = [...jobs.values()].filter((one) => isFinished(one.steps)).length;
        const begunAgain = [...jobs].filter(([, one]) => !isFinished(one.steps));
        for (const [id, one] of begunAgain) jobs.set(id, newJob(one.info));
        earlier.push(...steps.splice(0));
        changes.length = 0;
        // What is told once more, is told once; what only a finished job had to say stays.
        for (const text of notes) told.add(text);
        for (const state of [open, patches, begun]) state.clear();
        callers = layout = baseline = ended = undefined;
        resumes = [...resumes, resumeNote(event.startedAt, finished, jobs.size)];
        break;
      }
      case 'kernel':
        kernel = event.kernel;
        enumerators = event.enumerators;
        renamed = event.renamed ?? {};
        added = event.added ?? [];
        break;
      case 'series':
        series = event.series;
        break;
      case 'sandbox':
        sandbox = event.sandbox;
        break;
      case 'accel':
        accel = event.accel;
        if (event.note !== undefined) note(event.note);
        break;
      case 'step-begin':
        begun.set(stepKey(event), event.at);
        (job?.open ?? open).add(event.step);
        if (job !== undefined) job.begun ??= event.at;
        break;
      case 'step-end': {
        const step: StepResult = {
          step: event.step,
          status: event.status,
          ms: event.at - (begun.get(stepKey(event)) ?? event.at),
          ...(event.note === undefined ? {} : { note: event.note }),
          ...(event.failure === undefined ? {} : { failure: event.failure }),
        };
        (job?.open ?? open).delete(event.step);
        if (job === undefined) steps.push(step);
        else {
          job.steps.push(step);
          job.ended = event.at;
          if (event.step === 'boot' && event.ms !== undefined) job.bootMs = event.ms;
        }
        break;
      }
      case 'test':
        job?.points.push(event.point);
        break;
      case 'splat':
        job?.splats.push(event.splat);
        break;
      case 'coverage':
        // One for each time that the job's machine booted.
        if (job !== undefined) job.coverage = sumOfUse(job.coverage, event.types);
        break;
      case 'note':
        note(event.text);
        break;
      case 'baseline':
        baseline = event.baseline;
        break;
      case 'change':
        changes.push(event.change);
        break;
      case 'patch':
        patches.set(event.patch.number, event.patch);
        break;
      case 'callers':
        callers = event.callers;
        break;
      case 'layout':
        layout = event.lines;
        break;
      case 'run-end':
        ended = event.status;
        break;
      case 'artifact':
      case 'line':
        break;
    }
  }

  // Suites and guests speak of types by the names they know.
  for (const [id, job] of jobs) jobs.set(id, inTreeNames(job, renamed));
  const results = [...jobs.values()].map((job) => jobResult(job, last, ended !== undefined));
  const types = typeResults(enumerators, [...jobs.values()], results, (name) => ({
    ...(suiteName(renamed, name) === name ? {} : { was: suiteName(renamed, name) }),
    ...(added.includes(name) ? { isNew: true as const } : {}),
  }));
  const members: Status[] = [
    ...steps.map((step) => step.status),
    ...results.map((job) => job.status),
  ];
  // A type that its suites passed without ever mapping it: the proof is missing, so the run is not green.
  for (const [name, type] of Object.entries(types))
    if (!type.covered && type.status === 'MISS' && wanted(name, jobs)) members.push('MISS');
  if (results.length === 0 || run === undefined || open.size > 0) members.push('MISS');
  // A reporter that broke, an interruption: the run itself may say worse than its parts, never better.
  if (ended === undefined) members.push('MISS');
  else if (ended !== 'PASS' && ended !== 'SKIP') members.push(ended);

  const sum = (wantedSteps: readonly Step[]): number =>
    [...earlier, ...steps]
      .filter((step) => wantedSteps.includes(step.step))
      .reduce((ms, step) => ms + step.ms, 0);
  return {
    schema: 1,
    id: run?.id ?? 'unknown',
    status: stepsOnlyPass(members, results),
    ...(ended === undefined ? { interrupted: true as const } : {}),
    startedAt: run?.startedAt ?? '',
    subject: series?.subject ?? run?.subject ?? '',
    argv: run?.argv ?? [],
    host: {
      ...(run?.host ?? { cpus: 0, memoryBytes: 0 }),
      accel: accel ?? run?.host.accel ?? 'unknown',
    },
    ...(kernel === undefined ? {} : { kernel }),
    ...(series === undefined ? {} : { series }),
    ...(sandbox === undefined ? {} : { sandbox }),
    types,
    steps,
    jobs: mergeRounds([...jobs.keys()], results),
    ...(baseline === undefined ? {} : { baseline }),
    changes,
    ...(patches.size === 0
      ? {}
      : { patches: [...patches.values()].sort((a, b) => a.number - b.number) }),
    ...(callers === undefined ? {} : { callers }),
    ...(layout === undefined ? {} : { layout }),
    notes: [...resumes, ...notes],
    timing: {
      applyMs: sum(['apply']),
      buildMs: sum(['configure', 'build']),
      bootMs: results.reduce((ms, job) => ms + (job.bootMs ?? 0), 0),
      testMs: [...jobs.values()].reduce(
        (ms, job) =>
          ms + job.steps.reduce((own, step) => own + (step.step === 'suite' ? step.ms : 0), 0),
        0,
      ),
      totalMs: last,
    },
  };
}

const resumeNote = (at: string, finished: number, of: number): string =>
  `The run was cut short after ${finished} of ${of} jobs, and went on at ${at}.`;

/** A run whose every job skipped is SKIP, although its build passed. */
function stepsOnlyPass(members: readonly Status[], jobs: readonly JobResult[]): Status {
  const status = worst(members);
  return status === 'PASS' && jobs.length > 0 && jobs.every((job) => job.status === 'SKIP')
    ? 'SKIP'
    : status;
}

const stepKey = (event: { job?: string; step: Step }): string =>
  `${event.job ?? ''}\0${event.step}`;

const wanted = (type: string, jobs: ReadonlyMap<string, JobState>): boolean =>
  [...jobs.values()].some((job) => job.info.types.includes(type));
