// QEMU's control protocol: JSON lines over a unix socket. Replies come in the order of the commands, events in between.
// @see QEMU docs/interop/qmp-spec
import { connect, type Socket } from 'node:net';
import { FailureError } from '../core/failure.ts';
import { sleep } from '../util/deadline.ts';

export interface QmpEvent {
  /** E.g. `GUEST_PANICKED`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A refusal is an answer: tests expect some, e.g. `nvdimm device hot unplug is not supported yet.` */
export type QmpAnswer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

export interface QmpOptions {
  readonly signal?: AbortSignal;
  /** Default 10 s. */
  readonly timeoutMs?: number;
}

/** A live connection. */
export interface Qmp {
  /** Throws FailureError `lab/qmp-lost` or `lab/qmp-timeout`, or the signal's reason. */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: QmpOptions,
  ): Promise<QmpAnswer>;
  /** Calls `listener` for each event from now on; returns how to stop that. */
  onEvent(listener: (event: QmpEvent) => void): () => void;
  /** Ends when the connection is gone. */
  readonly closed: Promise<void>;
  close(): void;
}

/** More than this without a line feed is not QEMU. */
const maxLine = 4 * 2 ** 20;

/** Connects, waiting for the socket to appear, and negotiates. Throws as `execute` does. */
export async function connectQmp(path: string, signal: AbortSignal): Promise<Qmp> {
  const socket = await patientConnect(path, signal);
  const listeners = new Set<(event: QmpEvent) => void>();
  const waiting: ((answer: QmpAnswer | FailureError) => void)[] = [];
  let gone = false;
  let buffered = '';

  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      gone = true;
      for (const settle of waiting.splice(0)) settle(lost());
      resolve();
    });
  });
  socket.on('error', () => undefined);
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    buffered += chunk;
    const lines = buffered.split('\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (buffered.length > maxLine) socket.destroy();
  });

  function take(line: string): void {
    const message = parse(line);
    if (typeof message['event'] === 'string') {
      const event = { event: message['event'], data: asRecord(message['data']) };
      for (const listener of listeners) listener(event);
    } else if ('return' in message) waiting.shift()?.({ ok: true, value: message['return'] });
    else if ('error' in message)
      waiting.shift()?.({ ok: false, error: words(asRecord(message['error'])['desc']) });
  }

  // An abandoned command stays in the queue, so that its late reply is not taken for the next one's.
  const execute: Qmp['execute'] = (command, args, options = {}) =>
    new Promise((resolve, reject) => {
      const { signal: stop, timeoutMs = 10_000 } = options;
      if (stop?.aborted === true) return reject(stop.reason);
      if (gone) return reject(lost());
      const done = (act: () => void): void => {
        clearTimeout(timer);
        stop?.removeEventListener('abort', abort);
        act();
      };
      const timer = setTimeout(() => done(() => reject(timeout(command, timeoutMs))), timeoutMs);
      const abort = (): void => done(() => reject(stop?.reason));
      stop?.addEventListener('abort', abort, { once: true });
      waiting.push((answer) =>
        done(() => (answer instanceof FailureError ? reject(answer) : resolve(answer))),
      );
      const request = { execute: command, ...(args === undefined ? {} : { arguments: args }) };
      socket.write(`${JSON.stringify(request)}\n`);
    });

  const abortStart = (): void => void socket.destroy();
  signal.addEventListener('abort', abortStart, { once: true });
  try {
    await execute('qmp_capabilities', undefined, { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abortStart);
  }
  return {
    execute,
    closed,
    close: () => void socket.destroy(),
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/**
 * Waits for an event that `match` accepts. Start it before the command that causes the event.
 * @returns undefined when time is up: what that means is for the caller to say. Throws `lab/qmp-lost`.
 */
export function nextEvent(
  qmp: Qmp,
  match: (event: QmpEvent) => boolean,
  options: { readonly signal?: AbortSignal; readonly timeoutMs: number },
): Promise<QmpEvent | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      stop();
      act();
    };
    const timer = setTimeout(() => settle(() => resolve(undefined)), options.timeoutMs);
    const abort = (): void => settle(() => reject(options.signal?.reason));
    const stop = qmp.onEvent((event) => {
      if (match(event)) settle(() => resolve(event));
    });
    if (options.signal?.aborted === true) abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    void qmp.closed.then(() => settle(() => reject(lost())));
  });
}

async function patientConnect(path: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted();
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const one = connect(path);
      one.once('connect', () => resolve(one));
      one.once('error', () => resolve(undefined));
    });
    if (socket !== undefined) return socket;
    await sleep(5, signal);
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(line));
  } catch {
    return {};
  }
}

const words = (value: unknown): string => (typeof value === 'string' ? value : 'no reason given');

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const asRecord = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

const lost = (): FailureError =>
  new FailureError({
    blame: 'lab',
    code: 'qmp-lost',
    title: "QEMU's control connection is gone",
    hint: 'QEMU has ended or crashed: see qemu.log and the end of console.log.',
  });

const timeout = (command: string, ms: number): FailureError =>
  new FailureError({
    blame: 'lab',
    code: 'qmp-timeout',
    title: `QEMU did not answer '${command}' within ${ms} ms`,
    hint: 'The host is overloaded or QEMU hangs: see qemu.log.',
  });
