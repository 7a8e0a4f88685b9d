// `npm run faults -- [NAME...] [--cheap] [--times N]`: breaks kernels, guests and QEMUs on purpose, in real boots, and says
// whether each comes to the right status, owner and title, the next test runs, and nothing is left behind.
import { exitCodes } from '../core/exit-code.ts';
import { FailureError } from '../core/failure.ts';
import { formatDuration } from '../core/units.ts';
import { complaint } from '../report/complaint.ts';
import { table } from '../report/table.ts';
import { type BenchOptions, kernelSymbols, provoke } from './faults/bench.ts';
import { diskFaults, provokeDiskFull } from './faults/disk-full.ts';
import { type Fault, faults as guestFaults } from './faults/faults.ts';
import type { Outcome } from './faults/judge.ts';
import { killedFaults, provokeKilled } from './faults/killed.ts';
import { commandLine } from './words.ts';

const usage = `npm run faults -- [NAME...] [--cheap] [--list] [--times N] [--source distro:6.12] [--variant V] [--keep DIR]

  --cheap   only those that take seconds
  --variant on a kernel with a checker: lockdep for deadlock-lockdep
  --times   how often each is done
  --keep    leaves the run folders there
  --untimed does not judge how long it took: for a host that is busy with other things`;

async function bench(): Promise<number> {
  const { values, positionals } = commandLine(usage, {
    allowPositionals: true,
    options: {
      cheap: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      untimed: { type: 'boolean', default: false },
      times: { type: 'string', default: '1' },
      source: { type: 'string', default: 'distro:6.12' },
      variant: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  if (values.list) {
    console.log(table(faults.map(({ name, what }) => [name, what])).trimEnd());
    return exitCodes.good;
  }
  const variant = values.variant === undefined ? [] : ['--variant', values.variant];
  const source = ['--source', values.source, ...variant];
  const symbols = await kernelSymbols(source);
  const outcomes: Outcome[] = [];
  for (let time = 1; time <= Number(values.times); time++)
    for (const fault of chosen(positionals, values.cheap)) {
      const outcome =
        fault.needs !== undefined && !symbols.has(fault.needs)
          ? { fault, expected: '', got: '', wrong: [], skipped: `no ${fault.needs}` }
          : await provokeAny(fault, {
              ...{ source, timed: !values.untimed },
              ...(values.keep === undefined ? {} : { keep: `${values.keep}/${fault.name}` }),
            });
      outcomes.push(outcome);
      console.log(`${verdict(outcome)} ${fault.name}: ${outcome.wrong.join('; ')}`.trimEnd());
    }
  console.log(`\n${table([heads, ...outcomes.map(row)])}`);
  const bad = outcomes.filter(({ wrong }) => wrong.length > 0).length;
  const skipped = outcomes.filter((one) => one.skipped !== undefined).length;
  console.log(
    `${outcomes.length - bad - skipped} as they must be, ${bad} wrong, ${skipped} left out`,
  );
  return bad === 0 ? exitCodes.good : exitCodes.bad;
}

/** What befalls guests, the tool and the host. */
const faults: readonly Fault[] = [...guestFaults, ...killedFaults, ...diskFaults];

function provokeAny(fault: Fault, options: BenchOptions): Promise<Outcome> {
  const [killed, disk] = [
    killedFaults.find((one) => one === fault),
    diskFaults.find((one) => one === fault),
  ];
  if (killed !== undefined) return provokeKilled(killed, options);
  return disk === undefined ? provoke(fault, options) : provokeDiskFull(disk, options);
}

function chosen(names: readonly string[], cheap: boolean): Fault[] {
  const unknown = names.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown !== undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'unknown-fault',
      title: `there is no fault '${unknown}'`,
      hint: `There are: ${faults.map(({ name }) => name).join(', ')}`,
    });
  return faults.filter(
    (fault) => (names.length === 0 || names.includes(fault.name)) && (!cheap || fault.cheap),
  );
}

const heads = ['', 'fault', 'expected', 'got', 'to the next test'];

const row = (outcome: Outcome): string[] => [
  verdict(outcome),
  outcome.fault.name,
  outcome.skipped ?? outcome.expected,
  outcome.got,
  outcome.ms === undefined ? '' : formatDuration(outcome.ms),
];

const verdict = ({ skipped, wrong }: Outcome): string =>
  skipped !== undefined ? 'skip ' : wrong.length === 0 ? 'ok   ' : 'WRONG';

try {
  process.exitCode = await bench();
} catch (error) {
  if (!(error instanceof FailureError)) throw error;
  console.error(complaint(error.failure, { color: false }));
  process.exitCode = exitCodes.usage;
}
