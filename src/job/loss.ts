// Why a guest was lost in the middle of a suite, and whose fault that is. First the kernel's own report; else what it says when
// it is asked; else what became of QEMU.
import type { Splat } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { Status } from '../core/status.ts';
import { sleep } from '../util/deadline.ts';
import { readTail } from '../vm/console-file.ts';
import { diedFailure, type Machine, type MachineExit, muteFailure } from '../vm/machine.ts';
import { type Answers, ask, type Asked, overloaded } from './ask.ts';
import { type ConsoleRange, findSplats } from './splats.ts';

export interface Loss {
  /** Of the test that ran, and of the step. */
  readonly status: Status;
  readonly failure: Failure;
  /** For the test's point. */
  readonly diagnostics: readonly string[];
  /** What the guest was made to say is no report of its own. */
  readonly asked?: ConsoleRange;
  /** But it comes to one, where it shows that the kernel hangs. */
  readonly splat?: Splat;
}

/** Milliseconds that a dying kernel gets for its report. */
const lastWordsMs = 3000;

/** The parts of a machine that it takes. */
type Lost = Asked & Pick<Machine, 'consoleFrom' | 'kill' | 'logPath' | 'pid'>;

/**
 * Explains why `test` (`suite > name`) ended with `failure`; the machine is dead or of no use any more when this ends.
 * Rejects only when stopped.
 */
export async function explainLoss(
  failure: Failure,
  machine: Lost,
  plan: PlannedJob,
  test: string,
  signal: AbortSignal,
  symbolise?: (text: string) => Promise<string>,
): Promise<Loss> {
  const isConnection = failure.code === 'connection-lost';
  // A lost connection and the crash behind it race: the console may have more to say.
  if (isConnection) await Promise.race([machine.exited, sleep(lastWordsMs, signal)]);
  const exit = await Promise.race([machine.exited, Promise.resolve(undefined)]);
  const crash = await reportOf(machine, plan, test);
  if (exit !== undefined) return crash ?? gone(failure, machine, exit);
  const answers = await ask(machine, symbolise, !isConnection);
  const { asked, facts, heard, text } = answers;
  const silent = heard === 'nothing' ? await muteFailure(machine.pid) : undefined;
  await machine.kill();
  if (silent !== undefined) return { ...told(failure, 'MISS', silent), asked };
  if (crash !== undefined) return { ...crash, asked };
  const { status, why, title } = judge(failure, answers);
  const loss = {
    ...{ status, asked, diagnostics: [why.title, ...facts] },
    failure: { ...why, ...(text === '' ? {} : { detail: text }) },
  };
  if (title === undefined) return loss;
  return {
    ...loss,
    splat: { title, kind: 'LOCKUP', ...asked, text: `${text}\n`, during: [test] },
  };
}

/** The last report of this boot that nothing allows, if it came while the test ran. */
async function reportOf(
  { consolePath, consoleFrom }: Lost,
  plan: PlannedJob,
  test: string,
): Promise<Loss | undefined> {
  const splats = await findSplats(consolePath, consoleFrom, plan);
  const splat = splats.findLast(
    ({ allowed, during }) =>
      allowed === undefined && (during.length === 0 || during.includes(test)),
  );
  if (splat === undefined) return undefined;
  return {
    status: 'FAIL',
    failure: {
      blame: 'series',
      code: 'guest-crashed',
      title: splat.title,
      hint: 'The report below and console.log show it.',
    },
    diagnostics: [`the guest was lost: ${splat.title}`],
  };
}

/** QEMU has ended, and no report says why. */
async function gone(failure: Failure, machine: Lost, exit: MachineExit): Promise<Loss> {
  if (exit.signal !== null || exit.code !== 0) {
    const died = (await diedFailure(exit, machine.logPath)).failure;
    return { status: 'MISS', failure: died, diagnostics: [died.title] };
  }
  const end = await readTail(machine.consolePath, machine.consoleFrom, 16_384);
  const word = /\] ((?:reboot: |sysrq: (?:Resetting|Power Off)).*)/.exec(end)?.[1]?.trim();
  if (word === undefined)
    return told(failure, 'FAIL', {
      blame: 'series',
      code: 'guest-reset',
      title: 'the machine was reset without a word: a triple fault, or worse',
      hint: 'Nothing is on the console; `-d cpu_reset` added to qemu.argv shows the registers.',
    });
  return told(failure, 'ERROR', {
    blame: 'test',
    code: 'guest-shut-down',
    title: `something in the guest shut it down: ${word}`,
  });
}

const told = (failure: Failure, status: Status, why: Failure): Loss => ({
  status,
  failure: why,
  diagnostics: [why.title, ...(failure.code === 'connection-lost' ? [] : [failure.title])],
});

/** What it means that a guest is not reached any more, although its QEMU is well. `title`: of the report that it is. */
function judge(
  failure: Failure,
  { heard, hang, idle, doubtful, deaf, steady }: Answers,
): { readonly status: Status; readonly why: Failure; readonly title?: string } {
  // It answers, only the test does not end.
  if (failure.code === 'test-overdue') return { status: 'ERROR', why: failure };
  if (failure.code === 'deadline') return { status: 'MISS', why: failure };
  if (doubtful) return { status: 'MISS', why: overloaded(failure.title) };
  const running = heard === 'sysrq' ? hang.stuck : hang.cpus.filter((one) => !one.reclaims);
  // Others may spin because they wait for one that does not hear them.
  const first = running.filter(({ cpu }) => cpu !== undefined && deaf.includes(cpu));
  const suspects = [...first, ...running, ...(idle ? hang.blocked : [])];
  const guilty = suspects.find((one) => one.function)?.function;
  // A connection that is closed was closed by a kernel that lives; one that looks for memory does, too.
  const lives = failure.code === 'connection-lost' || hang.cpus.some((one) => one.reclaims);
  const unheard = heard !== 'sysrq' && (steady || !lives);
  if (unheard || guilty !== undefined) {
    const title = guilty === undefined ? 'hang' : `hang in ${guilty}`;
    const hint = 'What it said when it was asked is in the report and at the end of console.log.';
    const why = { blame: 'series', code: 'guest-hung', title: `${failure.title}: ${title}`, hint };
    return { status: 'FAIL', title, why: why as Failure };
  }
  if (idle || failure.code === 'connection-lost')
    return {
      status: 'ERROR',
      why: {
        blame: 'test',
        code: 'connection-lost',
        title: 'the connection to the guest was lost, but its kernel lives',
        hint: 'A test that takes the network or the ssh server away does that.',
      },
    };
  return {
    status: 'ERROR',
    why: {
      blame: 'test',
      code: 'guest-overloaded',
      title: `${failure.title}: its kernel lives, but has too much to do`,
    },
  };
}
