// Magic SysRq through the serial console: a break, then the key. The console is a file that nobody can type into, so it gets
// an input for as long as it takes to read one key. @see Documentation/admin-guide/sysrq.rst
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Qmp } from './qmp.ts';

/** `w`: blocked tasks; `l`: where all CPUs are; `t`: all tasks; `m`: memory. */
export type SysrqKey = 'w' | 'l' | 't' | 'm';

/** Milliseconds. QEMU answers at once or is stopped. */
const patience = { timeoutMs: 1000 };

/**
 * Presses a key. What the kernel says is on the console a little later, if it takes interrupts and has opened the port.
 * `dir`: an existing folder for a file that goes again. Throws FailureError `lab/qemu-sysrq` or what Qmp.execute throws.
 * @see QEMU's QMP reference: chardev-send-break, chardev-change
 */
export async function sysrq(
  qmp: Pick<Qmp, 'execute'>,
  console: { readonly id: string; readonly path: string },
  dir: string,
  key: SysrqKey,
): Promise<void> {
  const ask = async (command: string, args: Readonly<Record<string, unknown>>): Promise<void> => {
    const answer = await qmp.execute(command, args, patience);
    if (!answer.ok)
      throw new FailureError({ blame: 'lab', code: 'qemu-sysrq', title: answer.error });
  };
  const folder = await mkdtemp(join(dir, 'key-'));
  try {
    const input = join(folder, 'key');
    await writeFile(input, key);
    await ask('chardev-send-break', { id: console.id });
    const data = { in: input, out: console.path, append: true };
    await ask('chardev-change', { id: console.id, backend: { type: 'file', data } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
