// Looks over the shoulder of a run: when the fault happened and the next test began, by its consoles; and whose processes run.
import type { ChildProcess } from 'node:child_process';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault } from './faults.ts';

/** Milliseconds between two looks. */
const pollMs = 10;
const piece = 2 ** 20;

/** Follows the run until `end`; gives the milliseconds from the fault to the beginning of the next test. */
export function watchConsole(
  fault: Fault,
  run: string,
): { end(): Promise<{ readonly ms?: number }> } {
  const state = { over: false };
  let happened: number | undefined;
  let next: number | undefined;
  let sent = false;
  const target = fault.suite === undefined ? 'faults@bare' : `${fault.suite}@bare`;
  const begun = fault.suite === undefined ? `pgmap: begin faults > ${fault.test}` : 'Linux version';

  const see = async (text: string): Promise<void> => {
    const wanted = fault.signal?.when === 'boot' ? 'Linux version' : begun;
    if (!sent && fault.signal !== undefined && text.includes(wanted)) {
      sent = true;
      for (const pid of await qemusOf(run)) process.kill(pid, fault.signal.name);
      happened = performance.now();
    }
    if (happened === undefined && fault.signal === undefined)
      if (fault.sign === undefined ? text.includes(begun) : lineMatches(text, fault.sign))
        happened = performance.now();
  };
  const follow = async (job: string, look: (text: string) => Promise<void>): Promise<void> => {
    const path = join(run, 'jobs', job, 'console.log');
    let at = 0;
    let rest = '';
    for (;;) {
      const last = state.over;
      const text = await readFrom(path, at);
      at += text.length;
      if (text !== '') {
        await look(rest + text);
        // A line may come in two pieces.
        rest = (rest + text).slice(-512);
      } else if (last) return;
      else await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  };
  const seeNext = (text: string): Promise<void> => {
    if (text.includes('pgmap: begin faults > next')) next ??= performance.now();
    return Promise.resolve();
  };
  const following = Promise.all([follow(target, see), follow('faults@bare', seeNext)]);
  return {
    async end() {
      state.over = true;
      await following;
      return happened === undefined || next === undefined || next < happened
        ? {}
        : { ms: Math.round(next - happened) };
    },
  };
}

const lineMatches = (text: string, sign: RegExp): boolean =>
  text.split('\n').some((line) => sign.test(line.slice(0, 1000)));

/** Processes of which `mark` is in the environment, as they call themselves; the dead ones do not count. */
export async function processesOf(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (name: string): Promise<string> =>
      readFile(join('/proc', pid, name), 'latin1').catch(() => '');
    if (Number(pid) === process.pid || !(await read('environ')).includes(mark)) continue;
    if (/\) [ZX] /.test(await read('stat'))) continue;
    found.push(`${pid} ${(await read('cmdline')).split('\0').slice(0, 3).join(' ')}`);
  }
  return found;
}

/** Whether a program says so on standard output before it ends. */
export function untilSaid(child: ChildProcess, what: RegExp): Promise<boolean> {
  let rest = '';
  return new Promise((resolve) => {
    child.once('close', () => resolve(false));
    child.stdout?.on('data', (chunk: Buffer) => {
      rest = (rest + chunk.toString()).slice(-65_536);
      if (what.test(rest)) resolve(true);
    });
  });
}

/** Process ids of QEMUs that work for a run: its path is on their command line. */
async function qemusOf(run: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = await readFile(join('/proc', pid, 'cmdline'), 'latin1').catch(() => '');
    if (words.startsWith('qemu-system') && words.includes(run)) found.push(Number(pid));
  }
  return found;
}

async function readFrom(path: string, at: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(piece), 0, piece, at);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
