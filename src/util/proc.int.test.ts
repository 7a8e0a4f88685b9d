import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { exists, readIfThere } from './files.ts';
import { guard, must, outputOf, run } from './proc.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-test-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const caught = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Alive, and no zombie that only waits for its parent. */
async function alive(pid: number): Promise<boolean> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  return stat !== undefined && !/\) Z /.test(stat);
}

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return true;
    await wait(25);
  }
  return false;
}

test('arguments arrive as they are, whatever a shell would make of them', async () => {
  const odd = ['a b', "it's", '$HOME', '`id`', '', '*', 'x\ny', '\\', '-n', 'ö'];
  const result = await run(['printf', '%s\\0', ...odd]);
  expect(result.code).toBe(0);
  expect(result.stdout.split('\0').slice(0, -1)).toEqual(odd);
});

test('the program gets our environment and nothing of the user', async () => {
  const env = { PATH: process.env['PATH'] ?? '', GREETING: 'hello' };
  const names = (await outputOf(['env'], { what: 'env', env }))
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names).toContain('GREETING');
  expect(names).not.toContain('HOME');
});

test('input, exit code, both streams and lines', async () => {
  const lines: string[] = [];
  const result = await run(['sh', '-c', 'cat; echo oops >&2; exit 3'], {
    input: 'one\ntwo\n',
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  expect(result).toMatchObject({ code: 3, signal: null, stdout: 'one\ntwo\n', stderr: 'oops\n' });
  expect(lines.toSorted()).toEqual(['stderr oops', 'stdout one', 'stdout two']);
});

test('empty input ends at once', async () => {
  expect((await run(['cat'], { input: '', timeoutMs: 20_000 })).timedOut).toBe(false);
});

test('a program that does not read its input is no error', async () => {
  const result = await run(['true'], { input: 'x'.repeat(2 ** 20) });
  expect(result.code).toBe(0);
});

test('of a long output the end is kept, and that it was cut is said', async () => {
  const result = await run(['seq', '1', '500000'], { keepBytes: 1000 });
  expect(result.truncated).toBe(true);
  expect(result.stdout.endsWith('499999\n500000\n')).toBe(true);
  expect(result.stdout.length).toBeLessThan(200_000);
  expect(
    await caught(outputOf(['seq', '1', '500000'], { what: 'seq', keepBytes: 10 })),
  ).toMatchObject({ failure: { code: 'output-too-long' } });
});

test('a consumer gets standard output with back-pressure', async () => {
  let bytes = 0;
  await run(['head', '-c', '5000000', '/dev/zero'], {
    consume: async (stdout) => {
      for await (const chunk of stdout as AsyncIterable<Buffer>) bytes += chunk.length;
    },
  });
  expect(bytes).toBe(5_000_000);
});

test('an input that breaks ends the program, and its error is the one that is seen', async () => {
  const input = Readable.from(
    (async function* () {
      yield 'begin';
      await wait(10);
      throw new Error('the source broke');
    })(),
  );
  expect(await caught(run(['cat'], { input }))).toEqual(new Error('the source broke'));
});

test('what must succeed and does not: title, command to paste, last lines', async () => {
  const error = await caught(
    must(['sh', '-c', 'echo "the reason" >&2; exit 7'], { what: 'Cannot do it', hint: 'Try.' }),
  );
  expect(error).toBeInstanceOf(FailureError);
  expect((error as FailureError).failure).toEqual({
    blame: 'lab',
    code: 'command-failed',
    title: 'Cannot do it (exit code 7)',
    detail: `$ sh -c 'echo "the reason" >&2; exit 7'\nthe reason`,
    hint: 'Try.',
  });
});

test('a program that is not installed is named with its package', async () => {
  const env = { PATH: dir };
  expect(await caught(run(['depmod'], { env }))).toMatchObject({
    failure: { blame: 'lab', code: 'program-missing', hint: 'apt install kmod' },
  });
});

test('a full disk has one code, whoever met it', async () => {
  const full = 'echo "cp: error writing: No space left on device" >&2; exit 1';
  expect(await caught(must(['sh', '-c', full], { what: 'cp' }))).toMatchObject({
    failure: { blame: 'lab', code: 'disk-full' },
  });
});

test('a time limit ends all of it', async () => {
  const file = join(dir, 'timeout');
  const script = `sh -c 'echo $$ > ${file}; sleep 60' & trap '' TERM; sleep 60`;
  const result = await run(['sh', '-c', script], { timeoutMs: 300 });
  expect(result).toMatchObject({ timedOut: true, code: null });
  const pid = Number(await readFile(file, 'utf8'));
  expect(await until(async () => !(await alive(pid)))).toBe(true);
});

test('an abort throws its reason', async () => {
  const stop = new AbortController();
  const promise = caught(run(['sleep', '60'], { signal: stop.signal }));
  setTimeout(() => stop.abort(new Error('enough')), 50);
  expect(await promise).toEqual(new Error('enough'));
});

test('when we are killed outright, no grandchild survives', async () => {
  const pids = join(dir, 'pids');
  const script = join(dir, 'parent.mjs');
  // Stands in for pgmap.
  const inner = `sh -c 'echo $$ >> ${pids}; sleep 60' & sh -c 'echo $$ >> ${pids}; sleep 60' & wait`;
  await writeFile(
    script,
    `import { spawn } from 'node:child_process';
     spawn('bash', ['-c', ${JSON.stringify(guard)} + 'sh -c "$0"', ${JSON.stringify(inner)}],
       { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
     setInterval(() => undefined, 1000);`,
  );
  const parent = spawn(process.execPath, [script], { stdio: 'ignore' });
  const started = async (): Promise<number[]> =>
    ((await readIfThere(pids)) ?? '').split('\n').filter(Boolean).map(Number);
  expect(await until(async () => (await started()).length === 2)).toBe(true);
  const children = await started();
  expect(await Promise.all(children.map(alive))).toEqual([true, true]);
  parent.kill('SIGKILL');
  for (const pid of children) expect(await until(async () => !(await alive(pid)))).toBe(true);
  expect(await exists(script)).toBe(true);
});
