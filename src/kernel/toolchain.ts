// What kernels are built with on this host.
import type { Context } from '../util/context.ts';
import { outputOf } from '../util/proc.ts';

/** Compiler, linker and make as they call themselves. */
export async function toolchain(ctx: Context): Promise<string> {
  const asked = await Promise.all(
    ['gcc', 'ld', 'make'].map((program) =>
      outputOf([program, '--version'], {
        what: `Cannot ask ${program} for its version`,
        env: { PATH: ctx.path, LC_ALL: 'C' },
        signal: ctx.signal,
      }),
    ),
  );
  return asked.map((text) => text.split('\n')[0]).join('; ');
}
