// A booted guest with a shell on the terminal, or on a pipe.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { boot } from '../job/boot.ts';
import { loadSuites, loadTopologies } from '../config/load.ts';
import { loadVariant } from '../config/variant.ts';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import { wordsOf } from '../core/variant.ts';
import { makeImage } from './guest-image.ts';
import { pickAccel } from './accel.ts';
import type { Lab, RunRequest } from './request.ts';
import { buildKernel } from './tested-kernel.ts';
import type { Context } from '../util/context.ts';
import { removeTemp, tempFolder } from '../util/temp.ts';
import { timeoutScale } from '../vm/probe.ts';

export interface ShellRequest {
  readonly topology: string;
  /** QEMU waits for a debugger before the first instruction. */
  readonly gdb: boolean;
  readonly terminal: { readonly rows: number; readonly cols: number; readonly term: string };
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Things the user wants to know, a line each. */
  readonly onNote: (text: string) => void;
}

/** Returns the shell's exit code. Throws FailureError. */
export async function openShell(
  request: RunRequest,
  lab: Lab,
  ctx: Context,
  wanted: ShellRequest,
): Promise<number> {
  const topologies = await loadTopologies(lab.projectDir);
  const topology = topologies.get(wanted.topology);
  if (topology === undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'unknown-topology',
      title: `there is no topology '${wanted.topology}'`,
      detail: `There are: ${[...topologies.keys()].join(', ')}`,
    });
  const variant = await loadVariant(lab.projectDir, request.variant);
  const built = await buildKernel(request, lab, ctx);
  const dir = await tempFolder('shell');
  try {
    const suites = [...(await loadSuites(lab.projectDir)).values()];
    const image = await makeImage({ ...built, suites, dir, lab }, ctx);
    const { accel, note } = await pickAccel(request, built.build, lab, ctx);
    if (note !== undefined) wanted.onNote(note);
    const port = wanted.gdb ? await freePort() : 0;
    if (wanted.gdb)
      wanted.onNote(
        commandLine(['gdb', join(built.build.dir, 'vmlinux'), '-ex', `target remote :${port}`]),
      );
    await using machine = await boot(
      {
        topology,
        ...(variant === undefined ? {} : { suite: { modules: [], append: wordsOf(variant) } }),
        qemu: lab.qemu,
        image: built.build.image,
        release: built.build.release,
        ...(built.build.notes === undefined ? {} : { notes: built.build.notes }),
        ...image,
        accel,
        // With a debugger, people decide how long it takes.
        timeoutScale: wanted.gdb ? 1000 : timeoutScale[accel] * (variant?.slower ?? 1),
        dir,
        ...(wanted.gdb ? { extra: ['-S', '-gdb', `tcp:127.0.0.1:${port}`] } : {}),
      },
      ctx,
    ).then(({ machine: vm, guest, ms }) => ({
      guest,
      ms,
      async [Symbol.asyncDispose]() {
        await guest[Symbol.asyncDispose]();
        await vm[Symbol.asyncDispose]();
      },
    }));
    wanted.onNote(
      `${built.build.release} on ${topology.name}, up in ${machine.ms} ms; suites are in /pgmap/suites`,
    );
    return await attach(await machine.guest.shell(wanted.terminal), wanted);
  } finally {
    await removeTemp(dir);
  }
}

async function attach(
  stream: Awaited<ReturnType<import('../guest/ssh.ts').Guest['shell']>>,
  { input, output }: ShellRequest,
): Promise<number> {
  if (input.isTTY) input.setRawMode(true);
  try {
    input.pipe(stream);
    stream.pipe(output, { end: false });
    return await new Promise<number>((resolve) => {
      let code = 0;
      stream.on('exit', (value: number | null) => (code = value ?? 1));
      stream.on('close', () => resolve(code));
    });
  } finally {
    input.unpipe(stream);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
