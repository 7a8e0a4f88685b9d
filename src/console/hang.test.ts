import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readHang } from './hang.ts';

const recorded = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'hang-testdata', name), 'utf8');

test('SysRq w and l: who waits in what, and which CPUs idle', () => {
  const hang = readHang(recorded('deadlock.txt'));
  expect(hang.blocked.map(({ comm, function: name }) => [comm, name])).toEqual([
    ['insmod', 'pgmap_faults_deadlock'],
    ['deadlock', 'pgmap_faults_deadlock_other'],
  ]);
  // The one that answers does so from an interrupt that found it idle.
  expect(hang.cpus.length).toBeGreaterThanOrEqual(2);
  expect(hang.cpus.map((one) => one.function)).toEqual(hang.cpus.map(() => undefined));
  expect(hang.stuck).toEqual([]);
});

test('an NMI: what each CPU was in, and not what tells of it', () => {
  const { cpus, blocked } = readHang(recorded('nmi.txt'));
  expect(new Set(cpus.map(({ cpu, function: name }) => `${cpu} ${name}`))).toEqual(
    new Set(['0 pgmap_faults_irqs_off', '1 pgmap_faults_irqs_off']),
  );
  expect(blocked).toEqual([]);
});

const shown = (pid: number, where: string): string =>
  `[    1.000000] NMI backtrace for cpu 0
[    1.000001] CPU: 0 UID: 0 PID: ${pid} Comm: spinner Not tainted 6.12.0 #1
[    1.000002] RIP: 0010:${where}+0x3/0x10
[    1.000003] Call Trace:
[    1.000004]  <TASK>
[    1.000005]  do_syscall_64+0x37/0xb0
[    1.000006]  </TASK>
`;

test.each([
  ['the same task, still in the kernel', shown(7, 'spin') + shown(7, 'spin'), ['spin']],
  ['the same task, elsewhere in the kernel', shown(7, 'reclaim') + shown(7, 'walk'), []],
  ['looking for memory', shown(7, 'spin').repeat(2).replaceAll('do_syscall_64', 'shrink_node'), []],
  ['another task the second time', shown(7, 'spin') + shown(8, 'spin'), []],
  ['shown once only', shown(7, 'spin'), []],
  ['idle the second time', shown(7, 'spin') + shown(7, 'default_idle'), []],
])('stuck or not: %s', (_, text, functions) => {
  expect(readHang(text).stuck.map((one) => one.function)).toEqual(functions);
});

test('whatever is on the console, it reads on', () => {
  for (const text of ['', '\n\n', 'NMI backtrace for cpu 99999999999\n', 'task:x state:'])
    expect(readHang(text).blocked).toEqual([]);
  const flood = `${'NMI backtrace for cpu 1\n'.repeat(50_000)}${'x'.repeat(1_000_000)}`;
  expect(readHang(flood).cpus.length).toBeLessThanOrEqual(2000);
});
