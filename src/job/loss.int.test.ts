// Why a guest was lost: machines that are played, with real files for their consoles.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Failure } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { MachineExit } from '../vm/machine.ts';
import { explainLoss, type Loss } from './loss.ts';

const dir = mkdtempSync(join(tmpdir(), 'pgmap-loss-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const never = new AbortController().signal;
const plan = { suite: { name: 's', allow: [] } } as unknown as PlannedJob;
const lost: Failure = { blame: 'lab', code: 'connection-lost', title: 'lost' };
const silent: Failure = { blame: 'lab', code: 'guest-silent', title: 'not done after 4 s' };
const mark = '[    1.000000] pgmap: begin s > one\n';
const warning = (name: string): string => `[    2.0000001] cut
[    2.000001] WARNING: CPU: 1 PID: 66 at mm/x.c:12 ${name}+0x1c5/0x5f0
[    2.000002] Call Trace:
[    2.000003]  <TASK>
[    2.000004]  ${name}+0x1c5/0x5f0
[    2.000005]  </TASK>
`;
const recorded = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../console/hang-testdata', name), 'utf8');

interface Played {
  readonly console: string;
  readonly exit?: MachineExit;
  /** What the console says to sysrq, and to an NMI; undefined: nothing, and it takes no interrupts. */
  readonly keys?: string;
  readonly nmi?: string;
  /** `info registers -a`; undefined: QEMU does not answer. */
  readonly registers?: string;
  readonly failure?: Failure;
  readonly pid?: number;
  /** The one that was lost; default `s > one`. */
  readonly test?: string;
}

let number = 0;

async function explained(played: Played): Promise<Loss & { killed: boolean }> {
  const consolePath = join(dir, `console-${++number}.log`);
  writeFileSync(consolePath, mark + played.console);
  let killed = false;
  let end: (exit: MachineExit) => void = () => undefined;
  const exited = new Promise<MachineExit>((resolve) => {
    end = resolve;
  });
  if (played.exit !== undefined) end(played.exit);
  const loss = await explainLoss(
    played.failure ?? lost,
    {
      ...{ consolePath, consoleFrom: 0, logPath: join(dir, 'qemu.log'), exited },
      pid: played.pid ?? process.pid,
      async kill() {
        killed = true;
      },
      async sysrq(key) {
        if (played.keys === undefined) throw new Error('refused');
        appendFileSync(consolePath, key === 'w' ? played.keys : '[    3.0] sysrq: Show\n');
      },
      async nmi() {
        appendFileSync(consolePath, played.nmi ?? '');
        end({ code: 0, signal: null });
      },
      qmp: {
        execute: (command) =>
          played.registers === undefined
            ? Promise.reject(new Error('timeout'))
            : Promise.resolve({
                ok: true,
                value: command === 'human-monitor-command' ? played.registers : {},
              }),
        onEvent: () => () => undefined,
        closed: new Promise(() => undefined),
        close: () => undefined,
      },
    },
    plan,
    played.test ?? 's > one',
    never,
  );
  return { ...loss, killed };
}

const cpu = (index: number, flags: string, halted: number): string =>
  `CPU#${index}\r\nRIP=ffffffffa0017023 RFL=${flags} [-] CPL=0 II=0 A20=1 SMM=0 HLT=${halted}\r\n`;
const idle = cpu(0, '00000246', 1) + cpu(1, '00000246', 1);
const deaf = cpu(0, '00000046', 0) + cpu(1, '00000046', 0);

test.concurrent.each<[string, Played, object]>([
  [
    'a report of the kernel: FAIL, with its title',
    { console: warning('guilty'), exit: { code: 0, signal: null } },
    {
      status: 'FAIL',
      failure: { blame: 'series', code: 'guest-crashed', title: 'WARNING in guilty' },
    },
  ],
  [
    'QEMU was killed: MISS, of the lab',
    { console: '', exit: { code: null, signal: 'SIGKILL' } },
    { status: 'MISS', failure: { blame: 'lab', code: 'qemu-died' } },
  ],
  [
    'QEMU gave up: MISS, of the lab',
    { console: '', exit: { code: 1, signal: null } },
    { status: 'MISS', failure: { blame: 'lab', code: 'qemu-died' } },
  ],
  [
    'the guest powered off in good order: ERROR, of the test',
    { console: '[    2.000000] reboot: Power down\n', exit: { code: 0, signal: null } },
    { status: 'ERROR', failure: { blame: 'test', code: 'guest-shut-down' } },
  ],
  [
    'a reset without a word: FAIL, of the kernel',
    { console: '', exit: { code: 0, signal: null } },
    { status: 'FAIL', failure: { blame: 'series', code: 'guest-reset' } },
  ],
  [
    'a program that says it reboots is no kernel that does',
    { console: 'reboot: Power down\n', exit: { code: 0, signal: null } },
    { status: 'FAIL', failure: { code: 'guest-reset' } },
  ],
])('%s', async (_, played, wanted) => {
  const loss = await explained(played);
  expect(loss).toMatchObject(wanted);
  expect(loss.splat).toBeUndefined();
});

test.concurrent('a report of a test before this one explains nothing', async () => {
  const console = `${warning('other')}[    4.0] pgmap: end s > one\n[    5.0] pgmap: begin s > two\n`;
  const played = { console, exit: { code: null, signal: 'SIGKILL' } } as const;
  expect(await explained({ ...played, test: 's > two' })).toMatchObject({ status: 'MISS' });
  expect(await explained({ ...played, test: 's > one' })).toMatchObject({ status: 'FAIL' });
});

test.concurrent(
  'tasks that wait for ever, and idle CPUs: FAIL, and a report that says who waits',
  async () => {
    const keys = recorded('deadlock.txt');
    const loss = await explained({ console: '', failure: silent, keys, registers: idle });
    expect(loss).toMatchObject({
      status: 'FAIL',
      killed: true,
      failure: { blame: 'series', code: 'guest-hung' },
      splat: { title: 'hang in pgmap_faults_deadlock', during: ['s > one'], kind: 'LOCKUP' },
    });
    expect(loss.asked).toMatchObject({ from: mark.length });
    expect(loss.diagnostics.join('\n')).toContain('in pgmap_faults_deadlock_other');
  },
);

const spinning = (index: number, name: string): string =>
  `[    3.000000] NMI backtrace for cpu ${index}
[    3.000001] CPU: ${index} UID: 0 PID: ${70 + index} Comm: task${index} Not tainted 6.12.117 #1
[    3.000002] RIP: 0010:${name}+0x23/0x40
[    3.000003] Call Trace:
[    3.000004]  <TASK>
[    3.000005]  ${name}+0x23/0x40
[    3.000006]  </TASK>
`;

test.concurrent(
  'one CPU waits for another that takes no interrupts: that one is to blame',
  async () => {
    const shown = `${spinning(0, 'wait_for_others')}${spinning(1, 'deaf_driver')}`;
    const loss = await explained({
      ...{ console: '', failure: silent },
      keys: `[    2.000000] sysrq: Show backtrace of all active CPUs\n${shown.repeat(3)}`,
      registers: cpu(0, '00000246', 0) + cpu(1, '00000046', 0),
    });
    expect(loss).toMatchObject({ status: 'FAIL', splat: { title: 'hang in deaf_driver' } });
  },
);

test.concurrent('interrupts off: no key is pressed, an NMI tells where', async () => {
  const nmi = recorded('nmi.txt');
  const loss = await explained({ console: '', failure: silent, nmi, registers: deaf });
  expect(loss).toMatchObject({
    status: 'FAIL',
    splat: { title: 'hang in pgmap_faults_irqs_off' },
    failure: { code: 'guest-hung' },
  });
  expect(loss.splat?.text).toContain('CPU 0: in the kernel, interrupts off');
});

test.concurrent('the kernel lives, and nobody waits: ERROR, of the test', async () => {
  const keys = '[    3.000000] sysrq: Show Blocked State\n';
  const loss = await explained({ console: '', failure: silent, keys, registers: idle });
  expect(loss).toMatchObject({ status: 'ERROR', failure: { code: 'connection-lost' } });
  expect(loss.splat).toBeUndefined();
});

test.concurrent('QEMU does not answer, for it is stopped: MISS, of the lab', async () => {
  const child = spawn('sleep', ['60']);
  try {
    child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const loss = await explained({ console: '', failure: silent, pid: child.pid ?? 0 });
    expect(loss).toMatchObject({
      ...{ status: 'MISS', killed: true },
      failure: { blame: 'lab', code: 'qemu-hung', title: 'QEMU was stopped by a signal' },
    });
  } finally {
    child.kill('SIGKILL');
  }
});
