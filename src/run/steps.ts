// A step of a run: what it began, how it ended, and whose fault that is, as events.
import type { EventBody, Step } from '../core/event.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import type { Status } from '../core/status.ts';

/** A step that ended badly; its event has been emitted. */
export class StepFailed extends Error {}

/** Does the work of a step and gives what it made. Throws StepFailed. */
export type RunStep = <T>(
  name: Step,
  work: () => Promise<{ value: T; note?: string }>,
) => Promise<T>;

export const stepper =
  (emit: (event: EventBody) => void): RunStep =>
  async (name, work) => {
    emit({ type: 'step-begin', step: name });
    try {
      const { value, note } = await work();
      emit({
        type: 'step-end',
        step: name,
        status: 'PASS',
        ...(note === undefined ? {} : { note }),
      });
      return value;
    } catch (error) {
      const failure = asFailure(error);
      emit({ type: 'step-end', step: name, status: stepStatus(failure), failure });
      throw new StepFailed(failure.title, { cause: error });
    }
  };

/** Patches that do not apply or build FAIL; a test of ours that does not compile is an ERROR; the rest tells nothing. */
const stepStatus = (failure: Failure): Status =>
  failure.blame === 'series' ? 'FAIL' : failure.blame === 'test' ? 'ERROR' : 'MISS';
