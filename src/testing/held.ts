// A run that stands still in a step of the test's choice, for as long as it takes to do something to it; and what there is to
// find of it afterwards.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Event } from '../core/event.ts';
import { commandLine } from '../core/shell.ts';
import type { FakeAnswer, FakeScenario } from './fake-qemu.ts';
import { bootOk, type Finished, type Rig } from './rig.ts';

/** Where a run can be held. */
export type Stop = keyof typeof stops;

/** A program that waits when it is called with this word, or what guests do. */
interface Held {
  readonly program?: readonly [name: string, word: string];
  /** It does not end when it is asked to. */
  readonly stubborn?: true;
  readonly answer?: FakeAnswer;
  readonly neverReady?: true;
}

const stops = {
  apply: { program: ['git', 'am'] },
  checkout: { program: ['git', 'checkout'] },
  configure: { program: ['make', 'allnoconfig'] },
  build: { program: ['make', 'bzImage'] },
  install: { program: ['make', 'modules_install'] },
  image: { program: ['gcc', '-static'] },
  boot: { neverReady: true },
  suite: { answer: { match: 'run-test core two ', ms: 600_000 } },
} as const satisfies Record<string, Held>;

let signs = 0;

export interface HeldRun {
  readonly dir: string;
  /** Ends when the process has. */
  readonly done: Promise<Finished>;
  /** What it has said so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a run in `dir` and returns once it stands still at `stop`. `answers`: what guests say up to there. */
export async function heldRun(
  rig: Rig,
  dir: string,
  stop: Stop | Held,
  argv: readonly string[],
  answers: readonly FakeAnswer[] = [],
): Promise<HeldRun> {
  const held: Held = typeof stop === 'string' ? stops[stop] : stop;
  const scenario: FakeScenario = {
    ...bootOk(...(held.answer === undefined ? [] : [held.answer]), ...answers),
    ...(held.neverReady === true ? { neverReady: true } : {}),
  };
  const bin = await rig.qemu(scenario);
  // A sandbox lets nothing out, but whoever sleeps in it can be seen from here.
  const sign = `sleep 600.${process.pid}${++signs}`;
  if (held.program !== undefined)
    await holdProgram(bin, held.program, sign, held.stubborn === true);
  const all = ['run', '--tree', rig.tree, '--accel', 'tcg', '--out', dir, ...argv];
  const { child, done } = await rig.start(all, { bin });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const there = (): boolean =>
    held.program !== undefined
      ? processes().some(({ argv: words }) => words.trim() === sign)
      : standsInGuest(dir, held);
  const ended = done.then((end) => {
    throw new Error(`it was not held: exit code ${end.code}\n${end.stdout}${end.stderr}`);
  });
  ended.catch(() => undefined);
  await Promise.race([until(there), ended]);
  return { dir, done, stderr: () => said, kill: (signal) => void child.kill(signal) };
}

async function holdProgram(
  bin: string,
  [name, word]: readonly [string, string],
  sign: string,
  ignoring: boolean,
): Promise<void> {
  const script = [
    '#!/bin/sh',
    `case " $* " in *" ${word} "*) ${ignoring ? "trap '' TERM; " : ''}${sign} ;; esac`,
    `exec ${commandLine([programOnPath(name)])} "$@"`,
    '',
  ].join('\n');
  await writeFile(join(bin, name), script, { mode: 0o755 });
}

function programOnPath(name: string): string {
  const folders = (process.env['PATH'] ?? '/usr/bin:/bin').split(':');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}

/** Whether as many suites have begun, in all records of the run, as it takes boots to be held. */
function standsInGuest(dir: string, { answer }: Held): boolean {
  const step = answer === undefined ? 'boot' : 'suite';
  const begun = recordsBelow(dir)
    .flatMap(readEvents)
    .filter((event) => event.type === 'step-begin' && event.step === step).length;
  return begun >= (answer?.boots?.[0] ?? 1);
}

/** All records of a run: its own, those of base, repetitions and patches. */
export function recordsBelow(dir: string): string[] {
  const names = existsSync(dir) ? readdirSync(dir, { recursive: true, encoding: 'utf8' }) : [];
  return names.filter((name) => name.endsWith('events.ndjson')).map((name) => join(dir, name));
}

export const readEvents = (file: string): Event[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Event];
      } catch {
        return [];
      }
    });

/** Waits until it holds; throws after two minutes, which are for a host that does much besides. */
export async function until(condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 120_000) throw new Error('it never came to that');
    await wait(25);
  }
}

/** Command lines of all processes, zombies excepted, that know the rig's folder. */
export const processesOf = ({ dir }: Pick<Rig, 'dir'>): string[] =>
  processes()
    .filter(({ argv, pid }) => `${argv} ${ofProcess(pid, 'environ')}`.includes(`${dir}/`))
    .map(({ argv }) => argv);

const processes = (): { pid: string; argv: string }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => ({ pid, argv: ofProcess(pid, 'cmdline') }));

function ofProcess(pid: string, what: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** What a process of the rig has left besides what is meant to stay: temporary files, sockets, disks of guests, git's locks. */
export function leftoversOf({ dir }: Pick<Rig, 'dir'>): string[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  const odd = /^tmp\/|\.pgmap-tmp-|\/backing\/|\.git\/(?:.*\/)?[^/]*\.lock$/;
  return files.filter((name) => odd.test(name) && !/^(?:project|linux|[^/]*-tree)\//.test(name));
}
