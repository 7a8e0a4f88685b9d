// A running QEMU: started without a shell, never left behind, always saying why it is gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, mkdir, open, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Topology } from '../core/topology.ts';
import { sleep } from '../util/deadline.ts';
import { mustHaveRoom } from '../util/files.ts';
import { ours, removeTemp, tempFolder } from '../util/temp.ts';
import { says } from './console-file.ts';
import { checkHostMemory, type MachineExit, readLog, startFailure } from './machine-failure.ts';
import {
  type Accel,
  type BootInputs,
  consoleId,
  qemuArgs,
  repeatLine,
  topologyFiles,
} from './qemu-args.ts';
import { unprivileged } from './privileges.ts';
import { connectQmp, type Qmp, type QmpEvent } from './qmp.ts';
import { sysrq, type SysrqKey } from './sysrq.ts';

export { diedFailure, type MachineExit, muteFailure } from './machine-failure.ts';

export interface MachineSpec {
  /** QEMU's program, a name on PATH or a path. */
  readonly qemu: string;
  readonly topology: Topology;
  readonly kernel: string;
  readonly initrd?: string;
  /** Words for the kernel command line after the topology's own. */
  readonly append: readonly string[];
  readonly accel: Accel;
  readonly cpus?: number;
  /** Existing folder that gets console.log, qemu.log and qemu.argv; the first two are appended to. */
  readonly dir: string;
  /** Folder for backing files, made if missing; the files go away with the machine. */
  readonly backingDir: string;
  /** Further QEMU arguments. */
  readonly extra?: readonly string[];
}

export interface MachineContext {
  readonly signal: AbortSignal;
}

/** A live thing: never part of an event. Disposing of it ends QEMU and removes sockets and backing files. */
export interface Machine extends AsyncDisposable {
  readonly pid: number;
  readonly qmp: Qmp;
  /** Port of 127.0.0.1 that leads to the guest's port 22. */
  readonly sshPort: number;
  readonly consolePath: string;
  /** Where this boot begins in it, in bytes: a folder's console.log holds all its boots. */
  readonly consoleFrom: number;
  readonly logPath: string;
  readonly argv: readonly string[];
  readonly backingDir: string;
  /** Ends when QEMU does, however that happens; never throws. */
  readonly exited: Promise<MachineExit>;
  /** Calls `listener` for each QMP event, e.g. GUEST_PANICKED; returns how to stop that. */
  onEvent(listener: (event: QmpEvent) => void): () => void;
  /** Magic SysRq on the console, for a guest that takes interrupts. Throws FailureError `lab/qemu-sysrq` or QMP's. */
  sysrq(key: SysrqKey): Promise<void>;
  /** A non-maskable interrupt: with unknown_nmi_panic even a wedged guest says where it is. @see always in qemu-args.ts */
  nmi(): Promise<void>;
  /** The reset button: nothing is flushed or stopped, memory keeps what it holds, and the guest boots again. */
  reset(): Promise<void>;
  /** Power cut: nothing is flushed, QEMU is gone when this ends. */
  kill(): Promise<void>;
}

/** How often another port is tried when somebody took ours between choosing and using it. */
const portAttempts = 5;
/** From a reset to the kernel's first line, on a host that is busy. */
const resetMs = 60_000;

/**
 * Starts QEMU and returns once its control connection answers; the guest is then still in its firmware.
 * Throws FailureError `lab/qemu-missing`, `lab/qemu-refused`, `lab/qemu-died`, `lab/host-memory`, `lab/disk-full`, `lab/no-port`,
 * or the signal's reason.
 */
export async function startMachine(spec: MachineSpec, ctx: MachineContext): Promise<Machine> {
  ctx.signal.throwIfAborted();
  await checkHostMemory(spec.topology);
  const files = topologyFiles(spec.topology, spec.backingDir);
  const socketDir = await tempFolder('qmp', { socket: true });
  const cleanUp = async (): Promise<void> => {
    await removeTemp(socketDir);
    await Promise.all(files.map((file) => removeTemp(file.path)));
  };
  try {
    await mkdir(spec.backingDir, { recursive: true });
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    mustHaveRoom(spec.backingDir, bytes, `the devices of topology '${spec.topology.name}'`);
    await Promise.all(files.map((file) => sparseFile(ours(file.path), file.size)));
    for (let attempt = 1; ; attempt++) {
      const started = await attemptStart(spec, socketDir, await freePort(), ctx, cleanUp);
      if (started !== 'port-taken') return started;
      if (attempt === portAttempts)
        throw new FailureError({
          blame: 'lab',
          code: 'no-port',
          title: `no free port on 127.0.0.1 in ${portAttempts} attempts`,
          hint: 'Something on this host takes ports as fast as they are freed.',
        });
    }
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function attemptStart(
  spec: MachineSpec,
  socketDir: string,
  sshPort: number,
  ctx: MachineContext,
  cleanUp: () => Promise<void>,
): Promise<Machine | 'port-taken'> {
  const logPath = join(spec.dir, 'qemu.log');
  const consolePath = join(spec.dir, 'console.log');
  const boot: BootInputs = {
    kernel: spec.kernel,
    append: spec.append,
    accel: spec.accel,
    serialPath: consolePath,
    qmpPath: join(socketDir, 'qmp'),
    sshPort,
    backingDir: spec.backingDir,
    ...(spec.initrd === undefined ? {} : { initrd: spec.initrd }),
    ...(spec.cpus === undefined ? {} : { cpus: spec.cpus }),
    ...(spec.extra === undefined ? {} : { extra: spec.extra }),
  };
  const argv = [spec.qemu, ...qemuArgs(spec.topology, boot)];
  await writeFile(join(spec.dir, 'qemu.argv'), `${repeatLine(spec.qemu, spec.topology, boot)}\n`);
  await appendFile(consolePath, '');
  const { size: consoleFrom } = await stat(consolePath);
  const paths = [consolePath, join(spec.backingDir, 'any'), boot.qmpPath ?? '', spec.kernel];
  const bounds = await unprivileged([
    ...paths,
    ...(spec.initrd === undefined ? [] : [spec.initrd]),
  ]);
  const { child, exited } = await spawnQemu(['setpriv', ...bounds, '--', ...argv], logPath);

  const trouble = new AbortController();
  void exited.then(() => trouble.abort());
  let qmp: Qmp;
  try {
    qmp = await connectQmp(boot.qmpPath ?? '', AbortSignal.any([ctx.signal, trouble.signal]));
  } catch (cause) {
    child.kill('SIGKILL');
    const exit = await exited;
    ctx.signal.throwIfAborted();
    const log = await readLog(logPath);
    if (/could not set up host forwarding/i.test(log)) return 'port-taken';
    throw startFailure(spec, argv, exit, { path: logPath, text: log }, cause);
  }

  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const dispose = async (): Promise<void> => {
    ctx.signal.removeEventListener('abort', onAbort);
    await end(child, exited, qmp);
    qmp.close();
    await cleanUp();
  };
  // Whoever waits for this machine must not wait on after a stop; the files are the disposal's business.
  const onAbort = (): void => void child.kill('SIGKILL');
  ctx.signal.addEventListener('abort', onAbort, { once: true });
  if (ctx.signal.aborted) onAbort();
  let disposed: Promise<void> | undefined;

  return {
    pid: child.pid ?? 0,
    qmp,
    sshPort,
    consolePath,
    consoleFrom,
    logPath,
    argv,
    backingDir: spec.backingDir,
    exited,
    kill,
    onEvent: (listener) => qmp.onEvent(listener),
    sysrq: (key) => sysrq(qmp, { id: consoleId, path: consolePath }, socketDir, key),
    async nmi() {
      const answer = await qmp.execute('inject-nmi', undefined, { timeoutMs: 1000 });
      if (!answer.ok)
        throw new FailureError({ blame: 'lab', code: 'qemu-nmi', title: answer.error });
    },
    async reset() {
      const ask = async (command: string, args?: Readonly<Record<string, unknown>>) => {
        const answer = await qmp.execute(command, args);
        if (!answer.ok)
          throw new FailureError({ blame: 'lab', code: 'qemu-reset', title: answer.error });
      };
      // Under -no-reboot a reset ends QEMU, and the firmware does another one of its own before it gets to the kernel.
      await ask('set-action', { reboot: 'reset' });
      const { size } = await stat(consolePath);
      await ask('system_reset');
      const patience = AbortSignal.any([ctx.signal, AbortSignal.timeout(resetMs)]);
      while (child.exitCode === null && !(await says(consolePath, size, 'Linux version')))
        await sleep(20, patience);
      await ask('set-action', { reboot: 'shutdown' });
    },
    [Symbol.asyncDispose]: () => (disposed ??= dispose()),
  };
}

/**
 * setpriv makes the kernel kill QEMU when we die, even by SIGKILL. It follows the thread that spawned it: Node's
 * main thread.
 */
async function spawnQemu(
  argv: readonly string[],
  logPath: string,
): Promise<{ child: ChildProcess; exited: Promise<MachineExit> }> {
  const log = await open(logPath, 'a');
  try {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, {
      stdio: ['ignore', log.fd, log.fd],
    });
    const exited = new Promise<MachineExit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      // Without setpriv there is no `exit`; 127 is what a shell calls that, and setpriv itself for a missing QEMU.
      child.once('error', () => resolve({ code: 127, signal: null }));
    });
    return { child, exited };
  } finally {
    await log.close();
  }
}

/** Ask, then insist. A stopped or wedged QEMU does not hear the first two. */
async function end(child: ChildProcess, exited: Promise<MachineExit>, qmp: Qmp): Promise<void> {
  const gone = (ms: number): Promise<boolean> =>
    Promise.race([
      exited.then(() => true),
      new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), ms);
        void exited.then(() => clearTimeout(timer));
      }),
    ]);
  if (await gone(0)) return;
  qmp.execute('quit', undefined, { timeoutMs: 1500 }).catch(() => undefined);
  if (await gone(1500)) return;
  child.kill('SIGTERM');
  if (await gone(1000)) return;
  child.kill('SIGKILL');
  await exited;
}

async function sparseFile(path: string, size: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.truncate(size);
  } finally {
    await file.close();
  }
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
