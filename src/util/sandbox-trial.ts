// Whether builds can be sandboxed on this host: bubblewrap is there, and a program really runs in it. Some containers have it
// and may not use it.
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { SandboxInfo } from '../core/event.ts';
import type { Context } from './context.ts';
import { exists } from './files.ts';
import { run } from './proc.ts';
import { bubblewrap, isBelow, type Sandbox } from './sandbox.ts';

export type SandboxChoice = 'auto' | 'on' | 'off';

export const bubblewrapLine = 'apt-get install bubblewrap';

/**
 * What builds run in, and a line for the report. `auto` does without where it does not work.
 * Throws FailureError `lab/no-sandbox` for `on` then.
 */
export async function chooseSandbox(
  choice: SandboxChoice,
  ctx: { readonly path: string; readonly signal: AbortSignal },
): Promise<{ readonly sandbox?: Sandbox; readonly info: SandboxInfo }> {
  if (choice === 'off') return { info: { on: false, text: 'not sandboxed: --sandbox off' } };
  const tried = await trySandbox(ctx);
  if (typeof tried !== 'string')
    return { sandbox: tried, info: { on: true, text: `sandboxed by ${tried.name}` } };
  if (choice === 'auto') return { info: { on: false, text: `not sandboxed: ${tried}` } };
  throw new FailureError({
    blame: 'lab',
    code: 'no-sandbox',
    title: `builds cannot be sandboxed: ${tried}`,
    hint: `${bubblewrapLine}; in a container, allow user namespaces. Without: --sandbox off.`,
  });
}

/** The sandbox, or why there is none. */
export async function trySandbox(ctx: {
  readonly path: string;
  readonly signal: AbortSignal;
}): Promise<Sandbox | string> {
  const env = { PATH: ctx.path, LC_ALL: 'C' };
  const { signal, path } = ctx;
  if (process.arch !== 'x64') return 'it knows the system calls of x86_64 only';
  if (!(await onPath('bwrap', path))) return `bubblewrap is not installed (${bubblewrapLine})`;
  for (const tool of ['gcc', 'ld', 'make', 'ccache']) {
    const dir = await onPath(tool, path);
    if (dir !== undefined && isBelow(dir, [homedir()]))
      return `${tool} is in ${dir}, in the home that it would hide`;
  }
  const root = process.getuid?.() === 0;
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-sandbox-'));
  try {
    const room = { reads: [], writes: [dir] };
    const argv = await bubblewrap(['touch', join(dir, 'x')], room, { root }, path);
    const [done, version] = await Promise.all([
      run(argv, { env, signal, timeoutMs: 20_000, keepBytes: 4096 }),
      run(['bwrap', '--version'], { env, signal, timeoutMs: 20_000, keepBytes: 4096 }),
    ]);
    if (done.code !== 0 || !(await exists(join(dir, 'x')))) {
      const [line = ''] = done.stderr.trim().split('\n');
      return `bubblewrap does not work here (${line.slice(0, 200) || 'it does not say why'})`;
    }
    return { name: version.stdout.trim().slice(0, 40), root };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The first folder of a PATH with this program. */
async function onPath(program: string, path: string): Promise<string | undefined> {
  for (const dir of path.split(':')) if (await exists(join(dir, program))) return dir;
  return undefined;
}

/** A context whose builds are sandboxed as `choice` says; throws as {@link chooseSandbox} does. */
export async function withSandbox(
  choice: SandboxChoice,
  ctx: Context,
): Promise<{ readonly ctx: Context; readonly info: SandboxInfo }> {
  const { sandbox, info } = await chooseSandbox(choice, ctx);
  return { ctx: sandbox === undefined ? ctx : { ...ctx, sandbox }, info };
}
