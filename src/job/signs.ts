// Whether a booted topology is what it should be. One that booted without its devices is a MISS: nothing would be tested.
import { FailureError } from '../core/failure.ts';
import type { Topology } from '../core/topology.ts';
import type { Guest } from '../guest/ssh.ts';
import { sleep, within } from '../util/deadline.ts';

/** Milliseconds under TCG, before scaling: until the signs are there, and until a guest has answered at all. */
const limits = { signs: 10_000, answer: 20_000 };

/** Waits for the topology's signs. Throws FailureError `lab/device-absent` or `lab/guest-silent`. */
export async function checkSigns(
  topology: Pick<Topology, 'name' | 'signs'>,
  guest: Pick<Guest, 'exec'>,
  scale: number,
  signal: AbortSignal,
): Promise<void> {
  const { signs } = topology;
  const patterns = signs.map((sign) => sign.path ?? '/proc/iomem');
  // The patterns are ours, from the topology file, and are left unquoted so that the shell expands them.
  const script =
    'cat /proc/iomem; for pattern; do set -- $pattern; [ -e "$1" ] && echo yes || echo no; done';
  const deadline = within(signal, limits.signs * scale);
  for (;;) {
    const { stdout } = await answered(
      (patience) => guest.exec(['sh', '-c', script, 'sh', ...patterns], { signal: patience }),
      limits.answer * scale,
      signal,
    );
    const lines = stdout.trimEnd().split('\n');
    const answers = signs.length === 0 ? [] : lines.slice(-signs.length);
    // A sign is a name, or a whole line without its indent where the name alone says too little.
    const names = lines
      .slice(0, lines.length - signs.length)
      .flatMap((line) => [line.trim(), line.split(' : ')[1] ?? '']);
    const absent = signs.filter((sign, index) =>
      sign.iomem === undefined ? answers[index] !== 'yes' : !names.includes(sign.iomem),
    );
    if (absent.length === 0) return;
    if (deadline.aborted)
      throw new FailureError({
        blame: 'lab',
        code: 'device-absent',
        title: `the guest does not show ${absent.map((sign) => sign.path ?? `'${sign.iomem}' in /proc/iomem`).join(', ')}`,
        detail: stdout.slice(0, 4000),
        hint: `Topology '${topology.name}' booted without its device: see console.log for its driver.`,
      });
    await sleep(200, deadline).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** What `ask` gives, if it does so in time. Throws FailureError `lab/guest-silent`. */
export async function answered<T>(
  ask: (patience: AbortSignal) => Promise<T>,
  limitMs: number,
  signal: AbortSignal,
): Promise<T> {
  const patience = within(signal, limitMs);
  try {
    return await ask(patience);
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.aborted) throw error;
    throw new FailureError({
      blame: 'lab',
      code: 'guest-silent',
      title: `the guest did not answer within ${Math.ceil(limitMs / 1000)} s`,
    });
  }
}
