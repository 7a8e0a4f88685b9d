// The faults of the bench as data: what is done to a run, and what it must come to.
import type { Blame } from '../../core/failure.ts';
import type { Status } from '../../core/status.ts';

export interface Fault {
  /** For the command line. */
  readonly name: string;
  /** What is done. */
  readonly what: string;
  /** Test of suite `faults` that does it, or with which it is done. */
  readonly test?: string;
  /** Another suite, for guests that do not come up; `next` then is a test of the job after it. */
  readonly suite?: string;
  /** Sent to QEMU once the test has begun, or as soon as the machine boots. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly when: 'test' | 'boot' };
  /** What the guest's console says when it happens; without it, it happens when the test begins. */
  readonly sign?: RegExp;
  readonly expect: Expected;
  /** Takes seconds: is run by the tests, too. */
  readonly cheap?: true;
  /** Kconfig symbol that the kernel must have. */
  readonly needs?: string;
  /** More patience than usual, in milliseconds. */
  readonly limitMs?: number;
}

export interface Expected {
  /** Of the job. */
  readonly status: Status;
  /** Of the step that failed: whose fault it is. Absent: no step fails. */
  readonly owner?: Blame;
  /** Its code; with `|` between them, several that are right, and with nothing behind the last none as well. */
  readonly code?: string;
  /** Of the test itself; absent where it is that of the job. */
  readonly test?: Status;
  /** Title of a kernel report that there must be; all titles, for none may be there that is not listed. */
  readonly reports?: readonly RegExp[];
  /** Titles of reports that may follow from the fault. */
  readonly also?: readonly RegExp[];
  /** What must stand in the plain report. */
  readonly says?: RegExp;
  /** Most milliseconds from the fault to the next test, on a host with nothing else to do. */
  readonly withinMs?: number;
}

/** The kernel's fault, told by its own report. */
const crash = (...reports: readonly RegExp[]): Expected => ({
  ...{ status: 'FAIL', owner: 'series', code: 'guest-crashed', reports, withinMs: 5000 },
});
const hang = (limitMs: number, ...reports: readonly RegExp[]): Expected => ({
  ...{ status: 'FAIL', owner: 'series', code: 'guest-hung', reports, withinMs: limitMs + 10_000 },
});
/** The guest goes on: no step fails, only the test. */
const told = (status: Status, more: Partial<Expected> = {}): Expected => ({ status, ...more });

export const faults: readonly Fault[] = [
  {
    name: 'crash',
    what: 'echo c > /proc/sysrq-trigger',
    test: 'sysrq crash',
    sign: /Kernel panic - not syncing/,
    expect: { ...crash(/^panic: sysrq triggered crash$/), says: /sysrq_handle_crash/ },
    cheap: true,
  },
  {
    name: 'oops',
    what: 'an oops in a module',
    test: 'module oops',
    sign: /^.*Oops: /,
    expect: told('FAIL', {
      reports: [/^BUG: kernel NULL pointer dereference in pgmap_faults_oops$/],
      withinMs: 5000,
    }),
    cheap: true,
  },
  {
    name: 'bug',
    what: 'BUG() in a module',
    test: 'module bug',
    sign: /kernel BUG at/,
    expect: told('FAIL', { reports: [/^kernel BUG in pgmap_faults_\w+$/], withinMs: 5000 }),
  },
  {
    name: 'warning',
    what: 'WARN() in a module, everything else is fine',
    test: 'module warns',
    expect: told('FAIL', { test: 'FAIL', reports: [/^WARNING in pgmap_faults_warn$/] }),
  },
  {
    name: 'soft-lockup',
    what: 'a CPU that does not schedule',
    test: 'soft lockup',
    // Who waits for that CPU may be found, too, and the guest may not get as far as to say that the task is stuck.
    expect: told('FAIL', {
      ...{ owner: 'series', code: 'guest-crashed|' },
      reports: [/^BUG: soft lockup in pgmap_faults_spin$/],
      also: [/^BUG: soft lockup in multi_cpu_stop$/, /^INFO: rcu stall in /],
    }),
  },
  {
    name: 'irqs-off',
    what: 'interrupts off on all CPUs, for ever',
    test: 'interrupts off',
    expect: { ...hang(4000, /^hang in pgmap_faults_irqs_off$/), says: /CPU 0: .*interrupts off/ },
    cheap: true,
  },
  {
    name: 'irqs-off-one',
    what: 'interrupts off on one CPU',
    test: 'interrupts off on one CPU',
    // The other CPU may find it out before we ask.
    expect: {
      ...hang(4000, /^(?:hang|INFO: rcu stall) in pgmap_faults_irqs_off$/),
      code: 'guest-hung|guest-crashed',
    },
  },
  {
    name: 'deadlock',
    what: 'two tasks that wait for each other',
    test: 'deadlock',
    expect: told('FAIL', { says: /stuck in the kernel[^]*pgmap_faults_deadlock/ }),
  },
  {
    name: 'deadlock-lockdep',
    what: 'the same, seen by lockdep',
    test: 'deadlock',
    needs: 'PROVE_LOCKING',
    expect: told('FAIL', { reports: [/^possible deadlock in pgmap_faults_/] }),
  },
  {
    name: 'stuck',
    what: 'a task that cannot be killed',
    test: 'stuck in the kernel',
    expect: told('FAIL', { says: /stuck in the kernel[^]*pgmap_faults_stuck/ }),
  },
  {
    name: 'stuck-teardown',
    what: 'a test that passes and leaves a task which cannot be killed',
    test: 'leaves a stuck task',
    expect: told('FAIL', { says: /stuck in the kernel[^]*pgmap_faults_stuck/ }),
  },
  {
    name: 'endless',
    what: 'a program that never ends',
    test: 'endless program',
    expect: told('ERROR', { says: /killed: not done after 4 s/ }),
  },
  {
    name: 'ssh-killed',
    what: 'the ssh server is killed',
    test: 'ssh server killed',
    expect: told('ERROR', { owner: 'test', code: 'connection-lost' }),
    cheap: true,
  },
  {
    name: 'network-down',
    what: 'the network goes down',
    test: 'network down',
    expect: told('ERROR', { owner: 'test', code: 'connection-lost', withinMs: 14_000 }),
  },
  {
    name: 'fork-bomb',
    what: 'a fork bomb',
    test: 'fork bomb',
    // Whether the ssh server survives it, or the program that ends the test, is chance.
    expect: told('ERROR', {
      ...{ owner: 'test', code: 'connection-lost|guest-overloaded|test-overdue|' },
      says: /fork bomb/,
    }),
  },
  {
    name: 'memory',
    what: 'all memory taken',
    test: 'memory exhausted',
    expect: told('ERROR', { says: /memory exhausted/ }),
  },
  {
    name: 'console-flood',
    what: '100 MB on the console',
    test: 'console flood',
    expect: told('ERROR', { owner: 'test', code: 'console-flood' }),
    limitMs: 600_000,
  },
  {
    name: 'tap-flood',
    what: '10^6 lines of TAP',
    test: 'TAP flood',
    expect: told('ERROR', { owner: 'test', code: 'too-many-results' }),
  },
  {
    name: 'tap-endless',
    what: 'TAP without an end',
    test: 'TAP without end',
    expect: told('ERROR', { owner: 'test', code: 'too-many-results' }),
  },
  {
    name: 'tap-garbage',
    what: 'bytes of all values, a line of a megabyte, escapes, markup, and no plan',
    test: 'TAP garbage',
    expect: told('ERROR'),
  },
  {
    name: 'tap-forged',
    what: 'TAP that claims to be another test, and what the lab reads',
    test: 'TAP of somebody else',
    expect: told('ERROR'),
  },
  {
    name: 'no-report',
    what: 'a test that prints what looks like kernel reports',
    test: 'looks like a report',
    expect: told('PASS'),
  },
  {
    name: 'reboot',
    what: 'reboot -f',
    test: 'reboot',
    sign: /reboot: Restarting/,
    expect: told('ERROR', { owner: 'test', code: 'guest-shut-down', withinMs: 5000 }),
    cheap: true,
  },
  {
    name: 'poweroff',
    what: 'poweroff -f',
    test: 'poweroff',
    expect: told('ERROR', { owner: 'test', code: 'guest-shut-down' }),
  },
  {
    name: 'triple-fault',
    what: 'a reset without a word',
    test: 'triple fault',
    expect: told('FAIL', { owner: 'series', code: 'guest-reset', withinMs: 5000 }),
  },
  {
    name: 'qemu-killed',
    what: 'QEMU gets SIGKILL in the middle of a test',
    test: 'waits',
    signal: { name: 'SIGKILL', when: 'test' },
    expect: told('MISS', { owner: 'lab', code: 'qemu-died', withinMs: 5000 }),
    cheap: true,
  },
  {
    name: 'qemu-stopped',
    what: 'QEMU gets SIGSTOP in the middle of a test',
    test: 'waits',
    signal: { name: 'SIGSTOP', when: 'test' },
    expect: told('MISS', { owner: 'lab', code: 'qemu-hung', withinMs: 15_000 }),
  },
  {
    name: 'qemu-killed-booting',
    what: 'QEMU gets SIGKILL while the kernel boots',
    suite: 'calm',
    signal: { name: 'SIGKILL', when: 'boot' },
    expect: told('MISS', { owner: 'lab', code: 'qemu-died' }),
  },
  {
    name: 'no-boot',
    what: 'user space that never says it is ready',
    suite: 'no-init',
    expect: told('FAIL', { owner: 'series', code: 'boot-silent', says: /CPU 0: / }),
  },
  {
    name: 'boot-panic',
    what: 'a panic before there is a user space',
    suite: 'no-root',
    expect: told('FAIL', { owner: 'series', code: 'boot-panic', reports: [/^panic: /] }),
    cheap: true,
  },
];
