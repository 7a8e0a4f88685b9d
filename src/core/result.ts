// fold(events) → RunResult: what a run came to. The only way from the record to a verdict; results.json is this value.
import type { BaselineInfo, Change, Rate } from './change.ts';
import { sumOfUse } from './coverage.ts';
import type {
  Event,
  JobInfo,
  KernelInfo,
  RunInfo,
  SandboxInfo,
  SeriesInfo,
  Splat,
  Step,
  TestPoint,
  TypeUse,
} from './event.ts';
import type { Failure } from './failure.ts';
import { isFinished } from './finished.ts';
import type { Caller, PatchInfo } from './patch.ts';
import { nameIn, type Renamed, suiteName } from './rename.ts';
import { mergeRounds, roundOf } from './rounds.ts';
import { type Status, worst } from './status.ts';

export interface TypeResult {
  /** What suites call it, where the tested tree calls it otherwise. */
  readonly was?: string;
  /** The series brings it: there is no suite for it yet. */
  readonly isNew?: true;
  /** memremap_pages() was really called with this type in some guest of the run. */
  readonly covered: boolean;
  readonly mappings: number;
  readonly pages: number;
  /** Suites in whose guest it was. */
  readonly suites: readonly string[];
  /** Worst of the jobs that are for this type; MISS if no guest mapped it, however green they are. */
  readonly status: Status;
}

export interface StepResult {
  readonly step: Step;
  readonly status: Status;
  readonly ms: number;
  readonly note?: string;
  readonly failure?: Failure;
}

export interface JobResult {
  readonly id: string;
  readonly topology: string;
  readonly suite: string;
  /** The kernel's names of the memory types this job is for. */
  readonly types: readonly string[];
  readonly status: Status;
  /** QEMU's start to the first answered ssh command; absent if it never answered. */
  readonly bootMs?: number;
  readonly ms: number;
  readonly steps: readonly StepResult[];
  readonly tests: readonly TestPoint[];
  readonly splats: readonly Splat[];
  /** That of the worst step; the others are in `steps`. */
  readonly failure?: Failure;
  /** How many of its rounds were not green; absent if there was one. */
  readonly rounds?: Rate;
  readonly reproduce: string;
}

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

interface JobState {
  readonly info: JobInfo;
  readonly points: TestPoint[];
  readonly splats: Splat[];
  readonly steps: StepResult[];
  /** Steps that began and have not ended. */
  readonly open: Set<Step>;
  coverage: Readonly<Record<string, TypeUse>>;
  begun: number | undefined;
  ended: number | undefined;
  bootMs: number | undefined;
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

const newJob = (info: JobInfo): JobState => ({
  info,
  points: [],
  splats: [],
  steps: [],
  open: new Set(),
  coverage: {},
  begun: undefined,
  ended: undefined,
  bootMs: undefined,
});

function inTreeNames(job: JobState, renamed: Renamed): JobState {
  if (Object.keys(renamed).length === 0) return job;
  const coverage = Object.entries(job.coverage).map(([name, use]) => [nameIn(renamed, name), use]);
  return {
    ...job,
    info: { ...job.info, types: job.info.types.map((name) => nameIn(renamed, name)) },
    coverage: Object.fromEntries(coverage) as JobState['coverage'],
  };
}

const wanted = (type: string, jobs: ReadonlyMap<string, JobState>): boolean =>
  [...jobs.values()].some((job) => job.info.types.includes(type));

const unannounced = (id: string): JobInfo => ({
  id,
  topology: 'unknown',
  suite: id,
  tests: [],
  types: [],
  reproduce: '',
});

/** `now`: the time of the record's last event; `closed`: the record has its end. */
function jobResult(job: JobState, now: number, closed: boolean): JobResult {
  const tests = withMissing(job);
  const failed = job.steps.filter((step) => step.failure !== undefined);
  const failure = failed.find((step) => step.status === worst(failed.map(statusOf)))?.failure;
  const members = tests.map(statusOf);
  for (const step of job.steps)
    if (step.status !== 'PASS' && step.status !== 'SKIP') members.push(step.status);
  if (job.splats.some((splat) => splat.allowed === undefined)) members.push('FAIL');
  // In a cut record, only the end of the last step shows that nothing more was to come.
  const complete = closed || job.steps.some((step) => step.step === 'teardown');
  if (!complete || job.open.size > 0) members.push('MISS');
  return {
    id: job.info.id,
    topology: job.info.topology,
    suite: job.info.suite,
    types: job.info.types,
    status: worst(members),
    ...(job.bootMs === undefined ? {} : { bootMs: job.bootMs }),
    ms: job.begun === undefined ? 0 : (job.open.size > 0 ? now : (job.ended ?? now)) - job.begun,
    steps: job.steps,
    tests,
    splats: job.splats,
    ...(failure === undefined ? {} : { failure }),
    reproduce: job.info.reproduce,
  };
}

const statusOf = (part: { readonly status: Status }): Status => part.status;

/**
 * Every declared test begins as MISS: one that left no point is listed as such. Where a step said why the whole job
 * makes no sense here (QEMU too old), they are skipped for that reason.
 */
function withMissing(job: JobState): TestPoint[] {
  const seen = new Set(job.points.map((point) => point.path[1] ?? ''));
  const skip = job.points.length === 0 && job.steps.find((step) => step.status === 'SKIP');
  const reason = skip ? (skip.failure?.title ?? skip.note) : undefined;
  const missing = job.info.tests
    .filter((test) => !seen.has(test))
    .map((test): TestPoint => {
      const path = [job.info.suite, test];
      return reason === undefined
        ? { path, status: 'MISS', diagnostics: ['never ran'] }
        : { path, status: 'SKIP', directive: { name: 'SKIP', reason }, diagnostics: [] };
    });
  return [...job.points, ...missing];
}

function typeResults(
  enumerators: readonly string[],
  states: readonly JobState[],
  results: readonly JobResult[],
  more: (name: string) => Pick<TypeResult, 'was' | 'isNew'>,
): Record<string, TypeResult> {
  const types: Record<string, TypeResult> = {};
  const mapped = states.flatMap((job) => Object.keys(job.coverage));
  // A kernel that was built elsewhere comes without its enum: then what the jobs are for is what must be mapped.
  const names = enumerators.length > 0 ? enumerators : states.flatMap((job) => job.info.types);
  for (const name of new Set([...names, ...mapped])) {
    let mappings = 0;
    let pages = 0;
    const suites = new Set<string>();
    const members: Status[] = [];
    for (const [index, job] of states.entries()) {
      const use = job.coverage[name];
      if (use !== undefined && use.mappings > 0) {
        mappings += use.mappings;
        pages += use.pages;
        suites.add(job.info.suite);
      }
      const result = results[index];
      if (job.info.types.includes(name) && result !== undefined) members.push(result.status);
    }
    const covered = mappings > 0;
    const status = worst(members);
    types[name] = {
      ...more(name),
      covered,
      mappings,
      pages,
      suites: [...suites].sort(),
      status: covered || status !== 'PASS' ? status : 'MISS',
    };
  }
  return types;
}
