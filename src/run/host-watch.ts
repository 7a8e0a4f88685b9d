// What a job tells while the host runs short says nothing of the kernel: a console that could not be written lacks what it
// lacks, and a guest whose disk is a file on a full one sees errors.
import type { EventBody } from '../core/event.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import { diskFull, isDiskFull } from '../util/files.ts';

export interface HostWatch extends Disposable {
  /** Passes on, with what is bad turned into MISS once the disk of the run was seen full, or the run was stopped. */
  emit(event: EventBody): void;
}

/** How often is looked, besides at each event. */
const lookMs = 500;

/** `dir`: where the job writes. */
export function watchHost(
  dir: string,
  signal: AbortSignal,
  emit: (event: EventBody) => void,
  isFull: (dir: string) => boolean = isDiskFull,
): HostWatch {
  let trouble: Failure | undefined;
  const look = (): void => {
    if (trouble === undefined && isFull(dir)) ({ failure: trouble } = diskFull(dir));
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return {
    emit(event) {
      if (event.type !== 'line') look();
      // A job that was stopped is not finished, however far it came.
      const stopped = signal.aborted ? asFailure(signal.reason) : undefined;
      const told = trouble === undefined ? event : excused(event, trouble);
      emit(endsJob(told) ? missed(told, trouble ?? stopped) : told);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const isBad = (status: string): boolean => status === 'FAIL' || status === 'ERROR';

function excused(event: EventBody, trouble: Failure): EventBody {
  const { title } = trouble;
  if (event.type === 'splat')
    return { ...event, splat: { ...event.splat, allowed: `the host ran short: ${title}` } };
  if (event.type === 'test' && isBad(event.point.status)) {
    const { point } = event;
    const diagnostics = [`the host ran short: ${title}`, ...point.diagnostics];
    return { ...event, point: { ...point, status: 'MISS', diagnostics } };
  }
  if (event.type !== 'step-end' || !isBad(event.status)) return event;
  return { ...event, status: 'MISS', failure: trouble };
}

type StepEnd = Extract<EventBody, { readonly type: 'step-end' }>;

const endsJob = (event: EventBody): event is StepEnd =>
  event.type === 'step-end' && event.step === 'teardown' && event.status === 'PASS';

const missed = (event: StepEnd, failure: Failure | undefined): StepEnd =>
  failure === undefined ? event : { ...event, status: 'MISS', failure };
