// A guest reached over ssh: run a program, put a file, take a file. One connection, many channels.
import ssh2, { type ClientChannel } from 'ssh2';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import type { GuestKeys } from './keys.ts';

export interface ExecOptions {
  readonly signal?: AbortSignal;
  /** Called with raw bytes of standard output as they come; without it they are kept, up to `keepBytes`. */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
  /** What the program reads; without it its standard input ends at once unless `interactive`. */
  readonly input?: string | Uint8Array;
  /** Gives the caller a way to answer the program's lines; standard input then stays open. */
  readonly interactive?: (write: (text: string) => void) => void;
  /** How much of each stream is kept; more is dropped. Default 1 MiB. */
  readonly keepBytes?: number;
}

export interface ExecResult {
  /** Exit code, or undefined if the program was killed by a signal. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A live thing: never part of an event. */
export interface Guest extends AsyncDisposable {
  /** Throws FailureError `lab/connection-lost` when the channel closes without an exit status: never a success. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  put(path: string, data: Uint8Array, mode?: number): Promise<void>;
  get(path: string): Promise<Buffer>;
  /** An interactive shell with a terminal, for `pgmap shell`. */
  shell(terminal: { rows: number; cols: number; term: string }): Promise<ClientChannel>;
  /** Ends when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
}

/**
 * Connects to a guest's ssh server on the loopback. The server must hold exactly `keys.hostPublic`.
 * Throws FailureError `lab/ssh-refused`.
 */
export async function connectGuest(
  port: number,
  keys: GuestKeys,
  options: { readonly signal: AbortSignal; readonly readyTimeoutMs: number },
): Promise<Guest> {
  const client = new ssh2.Client();
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: unknown): void => {
      options.signal.removeEventListener('abort', abort);
      client.destroy();
      reject(refused(port, cause));
    };
    const abort = (): void => fail(options.signal.reason);
    options.signal.addEventListener('abort', abort, { once: true });
    client.once('ready', () => {
      options.signal.removeEventListener('abort', abort);
      client.off('error', fail);
      // A later error also closes the connection, and `closed` tells of that; unhandled it would end the process.
      client.on('error', () => undefined);
      resolve();
    });
    client.once('error', fail);
    client.once('close', () => fail(new Error('closed before it was ready')));
    client.connect({
      host: '127.0.0.1',
      port,
      username: 'root',
      privateKey: keys.clientPrivate,
      hostVerifier: (key: Buffer) => key.equals(keys.hostPublic),
      readyTimeout: options.readyTimeoutMs,
      keepaliveInterval: 0,
      // The cheapest pair that both sides have: the guest computes under emulation.
      algorithms: {
        kex: ['curve25519-sha256'],
        serverHostKey: ['ssh-ed25519'],
        cipher: ['chacha20-poly1305@openssh.com'],
      },
    });
    // A command is several small packets: Nagle's algorithm would hold them back for a delayed acknowledgement, 40 ms each.
    client.setNoDelay(true);
  });

  const exec: Guest['exec'] = async (argv, execOptions = {}) => {
    const command = commandLine(argv);
    execOptions.signal?.throwIfAborted();
    const { signal } = execOptions;
    return new Promise((resolve, reject) => {
      // A guest that hangs does not even open a channel.
      const giveUp = (): void => reject(signal?.reason);
      const settled = (): void => signal?.removeEventListener('abort', giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
      try {
        client.exec(command, (error, stream) => {
          if (signal?.aborted === true) stream?.close();
          else if (error) reject(lost(command, error));
          // In this very turn: a program's output, exit code and end may be in the packet that opened the channel.
          else finish(stream, command, execOptions).then(resolve, reject).finally(settled);
        });
      } catch (error) {
        // ssh2 throws at once when there is no connection any more.
        settled();
        reject(lost(command, error));
      }
      void closed.then(() => {
        settled();
        reject(lost(command));
      });
    });
  };

  return {
    exec,
    closed,
    async put(path, data, mode = 0o644) {
      const octal = mode.toString(8);
      const script = 'cat >"$1" && chmod "$2" "$1"';
      const done = await exec(['sh', '-c', script, 'sh', path, octal], { input: data });
      if (done.code !== 0) throw fileFailure(`could not write ${path} in the guest`, done.stderr);
    },
    async get(path) {
      const chunks: Buffer[] = [];
      const done = await exec(['cat', path], { onStdout: (chunk) => chunks.push(chunk) });
      if (done.code !== 0) throw fileFailure(`could not read ${path} in the guest`, done.stderr);
      return Buffer.concat(chunks);
    },
    shell: (terminal) =>
      new Promise((resolve, reject) => {
        client.shell(terminal, (error, stream) =>
          error ? reject(lost('shell', error)) : resolve(stream),
        );
      }),
    async [Symbol.asyncDispose]() {
      client.end();
      const timer = setTimeout(() => client.destroy(), 500);
      await closed;
      clearTimeout(timer);
    },
  };
}

function finish(stream: ClientChannel, command: string, options: ExecOptions): Promise<ExecResult> {
  const limit = options.keepBytes ?? 2 ** 20;
  const stdout = keep(limit);
  const stderr = keep(limit);
  return new Promise<ExecResult>((resolve, reject) => {
    let ended: { code: number | undefined; signal: string | undefined } | undefined;
    const abort = (): void => {
      // What is still on its way is nobody's any more.
      stream.removeAllListeners('data').resume();
      stream.stderr.removeAllListeners('data').resume();
      stream.close();
      reject(options.signal?.reason ?? new Error('aborted'));
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    stream.on('data', (chunk: Buffer) => (options.onStdout ?? stdout.add)(chunk));
    stream.stderr.on('data', (chunk: Buffer) => (options.onStderr ?? stderr.add)(chunk));
    stream.on('exit', (code: number | null, signal?: string) => {
      ended = { code: code ?? undefined, signal };
    });
    stream.on('error', () => undefined);
    // A connection that dies gives `close` without `exit`: that must never look like success.
    stream.on('close', () => {
      options.signal?.removeEventListener('abort', abort);
      if (ended === undefined) reject(lost(command));
      else resolve({ ...ended, stdout: stdout.text(), stderr: stderr.text() });
    });
    if (options.interactive !== undefined) options.interactive((text) => void stream.write(text));
    else stream.end(options.input ?? '');
  });
}

function keep(limit: number): { add: (chunk: Buffer) => void; text: () => string } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    add(chunk) {
      const room = limit - size;
      if (room <= 0) return;
      chunks.push(chunk.subarray(0, room));
      size += Math.min(room, chunk.length);
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

const refused = (port: number, cause: unknown): FailureError =>
  new FailureError(
    {
      blame: 'lab',
      code: 'ssh-refused',
      title: `the guest's ssh server did not let us in: ${cause instanceof Error ? cause.message : String(cause)}`,
      detail: `ssh -p ${port} root@127.0.0.1`,
      hint: 'Look at the end of console.log: the guest may have died meanwhile.',
    },
    { cause },
  );

const lost = (command: string, cause?: unknown): FailureError =>
  new FailureError(
    {
      blame: 'lab',
      code: 'connection-lost',
      title: 'the connection to the guest was lost',
      detail: command,
      hint: 'Look at the end of console.log: a crash usually explains it.',
    },
    { cause },
  );

const fileFailure = (title: string, detail: string): FailureError =>
  new FailureError({ blame: 'lab', code: 'guest-file', title, detail });
