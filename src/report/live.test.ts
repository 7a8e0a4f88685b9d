import { expect, test } from 'vitest';
import type { EventBody, JobInfo, Reporter } from '../core/event.ts';
import { live } from './live.ts';

const job = 'fs-dax@nvdimm';
const info = (id = job): JobInfo => ({
  id,
  topology: 'nvdimm',
  suite: 'fs-dax',
  tests: ['mmap'],
  types: [],
  reproduce: '',
});

/** A screen of a given width that wraps, with a cursor: what a terminal makes of the output. */
class Screen {
  rows: string[] = [''];
  row = 0;
  column = 0;
  cursorShown = true;
  columns: number;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    // eslint-disable-next-line no-control-regex -- the sequences under test
    for (const [part] of text.matchAll(/\u001b\[[?\d]*[A-Za-z]|[^]/g)) {
      const up = /\[(\d+)A$/.exec(part);
      if (up !== null) this.row = Math.max(0, this.row - Number(up[1]));
      else if (part === '\r') this.column = 0;
      else if (part === '\n') {
        this.row++;
        this.column = 0;
        while (this.rows.length <= this.row) this.rows.push('');
      } else if (part.endsWith('[K'))
        this.rows[this.row] = (this.rows[this.row] ?? '').slice(0, this.column);
      else if (part.endsWith('[J')) {
        this.rows.length = this.row + 1;
        this.rows[this.row] = (this.rows[this.row] ?? '').slice(0, this.column);
      } else if (part.endsWith('[?25l')) this.cursorShown = false;
      else if (part.endsWith('[?25h')) this.cursorShown = true;
      else if (part.startsWith('\u001b'))
        throw new Error(`unknown sequence ${JSON.stringify(part)}`);
      else {
        const line = (this.rows[this.row] ?? '').padEnd(this.column);
        this.rows[this.row] = line.slice(0, this.column) + part + line.slice(this.column + 1);
        this.column++;
      }
    }
  }

  /** As terminals do: what is too long now takes more rows, and the cursor goes with it. */
  resize(columns: number): void {
    this.columns = columns;
    const above = this.rows.slice(0, this.row);
    const split = (line: string): string[] =>
      line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [''];
    const rest = this.rows.slice(this.row);
    this.rows = [...above.flatMap(split), ...rest];
    this.row = above.flatMap(split).length;
  }

  text(): string {
    return this.rows.join('\n').trimEnd();
  }
}

interface Bench {
  readonly reporter: Reporter;
  readonly screen: Screen;
  readonly writes: string[];
  readonly emit: (body: EventBody) => void;
  readonly pass: (ms: number) => void;
}

function bench(isTerminal: boolean, columns = 80): Bench {
  const screen = new Screen(columns);
  const writes: string[] = [];
  let now = 0;
  const timers = new Set<{ ms: number; next: number; tick: () => void }>();
  const reporter = live({
    write(text) {
      writes.push(text);
      screen.write(text);
    },
    isTerminal,
    color: false,
    columns: () => screen.columns,
    clock: {
      now: () => now,
      every(ms, tick) {
        const timer = { ms, next: now + ms, tick };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
  });
  return {
    reporter,
    screen,
    writes,
    emit: (body) => reporter.on({ at: now, ...body }),
    pass(ms) {
      const until = now + ms;
      while (now < until) {
        now += 10;
        for (const timer of timers)
          if (now >= timer.next) {
            timer.next = now + timer.ms;
            timer.tick();
          }
      }
    },
  };
}

const begin = (...jobs: JobInfo[]): EventBody => ({
  type: 'run-begin',
  run: {
    id: '',
    startedAt: '',
    argv: [],
    version: '',
    host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
    subject: '',
    jobs,
  },
});
const point = (status: 'PASS' | 'FAIL', name = 'case'): EventBody => ({
  type: 'test',
  job,
  point: { path: ['fs-dax', 'mmap', name], status, diagnostics: [] },
});
const buildLine = (text: string): EventBody => ({ type: 'line', source: 'make', text });
const oneJob: EventBody[] = [
  { type: 'step-begin', job, step: 'suite' },
  point('PASS'),
  { type: 'step-end', job, step: 'suite', status: 'PASS' },
  { type: 'step-begin', job, step: 'teardown' },
  { type: 'step-end', job, step: 'teardown', status: 'PASS' },
];

test('a terminal shows what runs, and nothing of it stays', () => {
  const { screen, emit, pass } = bench(true);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'build' });
  emit(buildLine('  CC      mm/memremap.o'));
  pass(3200);
  expect(screen.text()).toBe('build  3.0 s  CC      mm/memremap.o');
  expect(screen.cursorShown).toBe(false);
  emit({ type: 'step-end', step: 'build', status: 'PASS' });
  for (const event of oneJob) emit(event);
  emit({ type: 'run-end', status: 'PASS' });
  expect(screen.text()).toBe('PASS  build  3.2 s\nPASS  fs-dax @ nvdimm  1 test  0 ms');
  expect(screen.cursorShown).toBe(true);
});

test('failures and kernel reports stay above the status lines', () => {
  const { screen, emit, pass } = bench(true);
  emit(begin(info()));
  emit({ type: 'step-begin', job, step: 'suite' });
  emit(point('FAIL'));
  pass(200);
  expect(screen.text().split('\n')).toEqual([
    'FAIL  fs-dax > mmap > case (nvdimm)',
    'fs-dax @ nvdimm  suite 0 ms  1 test  mmap > case',
  ]);
});

test('close gives the cursor back, once, and ends everything', async () => {
  const { reporter, screen, writes, emit, pass } = bench(true);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'build' });
  pass(100);
  await reporter.close?.();
  expect(screen.cursorShown).toBe(true);
  expect(screen.text()).toBe('');
  const many = writes.length;
  await reporter.close?.();
  emit({ type: 'note', text: 'late' });
  pass(5000);
  expect(writes).toHaveLength(many);
});

test('a flood of lines is drawn at most ten times a second, each frame in one write', () => {
  const { writes, emit, pass } = bench(true);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'build' });
  for (let index = 0; index < 2000; index++) {
    emit(buildLine(`  CC      file${index}.o`));
    if (index % 2 === 0) pass(10);
  }
  expect(writes.length).toBeGreaterThan(50);
  expect(writes.length).toBeLessThanOrEqual(105);
});

test.each([20, 33, 200])('a window resized to %i columns keeps no rests', (columns) => {
  const { screen, emit, pass } = bench(true, 80);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'build' });
  emit(buildLine(`  CC      ${'long/'.repeat(40)}x.o`));
  pass(300);
  screen.resize(columns);
  pass(1100);
  expect(screen.text().split('\n')).toHaveLength(1);
  expect(screen.text().length).toBeLessThan(columns);
  emit({ type: 'run-end', status: 'PASS' });
  expect(screen.text()).toBe('');
});

test('more jobs than fit are counted', () => {
  const { screen, emit, pass } = bench(true);
  const ids = Array.from({ length: 50 }, (_, index) => `j${index}`);
  emit(begin(...ids.map(info)));
  for (const id of ids) emit({ type: 'step-begin', job: id, step: 'boot' });
  pass(200);
  const lines = screen.text().split('\n');
  expect(lines).toHaveLength(9);
  expect(lines.at(-1)).toBe('... and 42 more');
});

test('no terminal: long steps and finished jobs get a line, and no control sequence is written', () => {
  const { screen, writes, emit, pass } = bench(false);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'apply' });
  pass(500);
  emit({ type: 'step-end', step: 'apply', status: 'PASS' });
  emit({ type: 'step-begin', step: 'build' });
  pass(61_000);
  emit({ type: 'step-end', step: 'build', status: 'PASS' });
  for (const event of oneJob) emit(event);
  emit({ type: 'run-end', status: 'PASS' });
  expect(screen.text().split('\n')).toEqual([
    '...   build',
    'still running: build  22.0 s',
    'still running: build  42.0 s',
    'PASS  build  1 min 1 s',
    'PASS  fs-dax @ nvdimm  1 test  0 ms',
  ]);
  expect(writes.join('')).not.toContain('\u001b');
});

test('no terminal: a long silence is broken', () => {
  const { screen, emit, pass } = bench(false);
  emit(begin(info()));
  emit({ type: 'step-begin', step: 'build' });
  pass(130_000);
  expect(screen.text()).toContain('still running: build  1 min 2 s');
});

test('a job that broke is not shown as passed, also when its record has no teardown', () => {
  const { screen, emit } = bench(false);
  emit(begin(info()));
  emit({ type: 'step-begin', job, step: 'boot' });
  const failure = { blame: 'series', code: 'boot-panic', title: 'it panicked' } as const;
  emit({ type: 'step-end', job, step: 'boot', status: 'FAIL', failure });
  emit({ type: 'run-end', status: 'FAIL' });
  expect(screen.text()).toBe('FAIL  fs-dax @ nvdimm  0 tests  0 ms  it panicked');
});

test('hostile text moves no cursor and forges no line', () => {
  for (const isTerminal of [true, false]) {
    const { screen, emit, pass } = bench(isTerminal);
    emit(begin(info()));
    emit({ type: 'step-begin', job, step: 'suite' });
    emit(point('FAIL', '\u001b[2J\nPASS  all\u009b1A'));
    emit({ type: 'note', text: '\u001b]0;x\u0007' });
    emit({ type: 'step-begin', step: 'build' });
    emit(buildLine('\u001b[10A\r'));
    pass(3000);
    expect(screen.text()).toContain('\\x1b[2J\\nPASS  all\\x9b1A');
    expect(screen.text()).not.toMatch(/^PASS/m);
  }
});
