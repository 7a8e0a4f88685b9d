// WARN(), and what has a text of its own.
import { baseName } from '../frames.ts';
import { inTrace, guiltyOf, named, ownName, stable, where } from '../guilty.ts';
import { fn, type Pattern } from '../pattern.ts';

export const other: readonly Pattern[] = [
  // ---- WARN()
  {
    kind: 'WARNING',
    // Up to 6.16: CPU: 1 PID: 2 at file:line function. 6.17 and later: file:line at function, CPU#1: comm/pid.
    header: new RegExp(
      String.raw`^WARNING: (?:CPU: \d+ PID: \d+ at (?:\S+:\d+ )?${fn}|(?:\[.{1,300}?\] )?(?:\S+:\d+ )?at ${fn}.*CPU#\d+|at \S+:\d+ ${fn})`,
    ),
    title: (match, lines) =>
      warning(
        ownName(match, [1, 2, 3].find((group) => match[group] !== undefined) ?? 1, lines),
        lines,
      ),
    body: 'trace',
  },
  {
    kind: 'WARNING',
    header: new RegExp(
      String.raw`^WARNING: (?:CPU: \d+ PID: \d+ at|\S+\.(?:[chS]|rs):\d+ at (?:${fn})?)`,
    ),
    title: (match, lines) => warning(match[1], lines),
    body: 'trace',
  },
  {
    kind: 'WARNING',
    header:
      /^WARNING: (kernel stack (?:regs|frame pointer)|stack going in the wrong direction|stack recursion|can't dereference registers)/,
    title: (match) => `WARNING: ${match[1]}`,
    body: 'line',
  },
  {
    kind: 'WARNING',
    header: /^sysfs: (cannot create duplicate filename)/,
    title: inTrace('sysfs: cannot create duplicate filename'),
    body: 'trace',
    weak: true,
    message: true,
  },

  // ---- devices and interrupts
  {
    kind: 'INFO',
    header: /^unregister_netdevice: waiting for (\S+) to become free/,
    title: () => 'unregister_netdevice: waiting for a device to become free',
    body: 'line',
  },
  {
    kind: 'INFO',
    // Since 6.9 without a WARN(), behind the driver's and the device's name.
    header:
      /^(?:\S{1,40} \S{1,40} \S{1,20}: )?NETDEV WATCHDOG: .{0,80}transmit queue \d+ timed out/,
    title: () => 'NETDEV WATCHDOG: transmit queue timed out',
    body: 'line',
    message: true,
  },
  {
    kind: 'BUG',
    header: /^irq (?:event )?\d+: (nobody cared|bogus return value)/,
    title: (match) => `irq: ${match[1]}`,
    body: 'trace',
  },
  {
    kind: 'WARNING',
    header: /^unchecked MSR access error: (RDMSR|WRMSR)\b.*?(?:\(([A-Za-z_][\w.]*)\+0x.*)?$/,
    title: (match, lines) =>
      where(`unchecked MSR access error: ${match[1]}`, named(match[2], lines)),
    body: 'trace',
    weak: true,
  },
  {
    kind: 'BUG',
    header: /^VFS: Busy inodes after unmount of /,
    title: () => 'VFS: busy inodes after unmount',
    body: 'line',
    message: true,
  },
  {
    kind: 'BUG',
    header: /^BUG: recent printk recursion!/,
    title: () => 'BUG: recent printk recursion',
    body: 'line',
  },
  {
    kind: 'BUG',
    header: /^(?:IPv6: )?BUG: Address \S+ on device \S+ is missing its host route/,
    title: () => 'BUG: an address is missing its host route',
    body: 'line',
  },

  // ---- the rest: only with a trace
  {
    kind: 'BUG',
    header: /^(?:\[ )?(?:[\w-]{2,24}: )?BUG: (.{1,200})$/,
    title: (match, lines) => where(`BUG: ${stable(match[1] ?? '')}`, guiltyOf(lines)),
    body: 'trace',
    weak: true,
  },
  {
    kind: 'WARNING',
    header: /^(?:\[ )?WARNING: (.{1,200})$/,
    title: (match, lines) => where(`WARNING: ${stable(match[1] ?? '')}`, guiltyOf(lines)),
    body: 'trace',
    weak: true,
  },
];

/** WARN()s of these checks are told apart by their messages; the function is that of the check. */
const checks: readonly (readonly [RegExp, string])[] = [
  [/^refcount_t(?:: | [a-z -]{3,30} at )/, 'WARNING: refcount bug'],
  [/^ODEBUG: /, 'WARNING: ODEBUG bug'],
  [/^list_(?:add|del) /, 'WARNING: corrupted list'],
];

function warning(header: string | undefined, lines: readonly string[]): string {
  const near = lines.slice(0, 12);
  const check = checks.find(([message]) => near.some((line) => message.test(line)));
  // Up to 4.18 the message stood in front of `cut here`.
  const counted = /^refcount_(?:warn|add|sub|inc|dec)/.test(header ?? '');
  const text = check?.[1] ?? (counted ? 'WARNING: refcount bug' : 'WARNING');
  return where(text, named(baseName(header ?? ''), lines));
}
