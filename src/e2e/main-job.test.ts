// The main job on a real kernel in real QEMUs: what `npm start` does, judged by what it leaves behind.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultsSchema } from '../config/results.ts';
import { pgmap, projectDir, qemusOf, resultsOf, scratch, startPgmap } from './pgmap.ts';

const all = [
  'MEMORY_DEVICE_PRIVATE',
  'MEMORY_DEVICE_COHERENT',
  'MEMORY_DEVICE_FS_DAX',
  'MEMORY_DEVICE_GENERIC',
  'MEMORY_DEVICE_PCI_P2PDMA',
];

const place = scratch();
const runDir = join(place.dir, 'run');
let finished: Awaited<ReturnType<typeof pgmap>>;

beforeAll(async () => {
  finished = await pgmap('run', '--source', 'distro:6.12', '--out', runDir);
});
afterAll(() => place[Symbol.dispose]());

describe('stock 6.12, everything', () => {
  test('exits 0 with nothing worse than a SKIP', () => {
    const { jobs } = resultsOf(runDir);
    const bad = jobs.flatMap((job) => [
      ...job.tests
        .filter((point) => point.status !== 'PASS' && point.status !== 'SKIP')
        .map((point) => [point.path.join(' > '), point.status, ...point.diagnostics]),
      ...job.splats.filter((splat) => splat.allowed === undefined).map((splat) => [splat.title]),
      ...job.steps.filter((step) => step.status !== 'PASS').map((step) => [job.id, step.failure]),
    ]);
    expect(bad).toEqual([]);
    expect(finished.code, finished.stderr).toBe(0);
  });

  test('every memory type was really mapped in a guest, and passed', () => {
    const { types } = resultsOf(runDir);
    expect(Object.keys(types)).toEqual(all);
    for (const type of all) {
      expect(types[type], type).toMatchObject({ covered: true, status: 'PASS' });
      expect(types[type]?.pages, type).toBeGreaterThan(0);
    }
  });

  test('results.json is what its schema says', () => {
    const text = readFileSync(join(runDir, 'results.json'), 'utf8');
    const parsed = resultsSchema.safeParse(JSON.parse(text));
    expect(parsed.error?.issues).toBeUndefined();
  });

  test('the run folder has the files of the contract', () => {
    expect(readdirSync(runDir).toSorted()).toEqual(
      expect.arrayContaining(['events.ndjson', 'junit.xml', 'report.tap', 'results.json']),
    );
    for (const { id } of resultsOf(runDir).jobs)
      for (const name of ['console.log', 'qemu.log', 'qemu.argv', 'tap.log'])
        expect(existsSync(join(runDir, 'jobs', id, name)), `${id}/${name}`).toBe(true);
    expect(existsSync(join(runDir, 'kernel/config'))).toBe(true);
  });

  test('junit.xml is valid XML', () => {
    const lint = spawnSync('xmllint', ['--noout', join(runDir, 'junit.xml')], { encoding: 'utf8' });
    expect(lint.stderr).toBe('');
    expect(lint.status).toBe(0);
  });

  test('a finished run renders again to the same report', async () => {
    const again = await pgmap('report', runDir, '--format', 'json');
    expect(again.stdout).toBe(readFileSync(join(runDir, 'results.json'), 'utf8'));
  });

  test('no QEMU is left behind', async () => {
    expect(await qemusOf(runDir)).toEqual([]);
  });

  test('qemu.argv repeats the boot by hand', async () => {
    const line = readFileSync(join(runDir, 'jobs/hmm-private@device-coherent/qemu.argv'), 'utf8');
    // exec, so that the shell's pid is QEMU's.
    const child = spawn('sh', ['-c', line.replace(/(^|&& )qemu-system/, '$1exec qemu-system')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`not ready:\n${text.slice(-2000)}`)),
          60_000,
        );
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (!text.includes('pgmap: ready')) return;
          clearTimeout(timer);
          resolve();
        });
      });
    } finally {
      child.kill('SIGKILL');
    }
    expect(text).toContain('Linux version 6.12');
  });
});

describe('cached', () => {
  test('the same input builds nothing again', async () => {
    const build = await pgmap('build', '--source', 'distro:6.12');
    expect(build.code).toBe(0);
    expect(build.stdout).toMatch(/^cached /m);
    expect(build.stdout).toContain(resultsOf(runDir).kernel?.key);
  });

  test('one test runs alone, and repeats with the command in the report', async () => {
    using own = scratch();
    const dir = join(own.dir, 'one');
    const name = 'fs-dax > namespaces of every kind come and go';
    const { code, stderr } = await pgmap(
      'run',
      '--test',
      name,
      '--topology',
      'nvdimm',
      '--out',
      dir,
    );
    expect(code, stderr).toBe(0);
    const [job, ...others] = resultsOf(dir).jobs;
    expect(others).toEqual([]);
    expect(job?.id).toBe('fs-dax@nvdimm');
    expect(new Set(job?.tests.map((point) => point.path.slice(0, 2).join(' > ')))).toEqual(
      new Set([name]),
    );
    expect(job?.reproduce).toContain('--topology nvdimm');
  });
});

describe('stopped', () => {
  const untilBooting = async (dir: string): Promise<void> => {
    for (const start = Date.now(); Date.now() - start < 60_000;) {
      if ((await qemusOf(dir)).length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('no QEMU within a minute');
  };
  const untilGone = async (dir: string): Promise<string[]> => {
    for (let attempt = 0; attempt < 30; attempt++) {
      const left = await qemusOf(dir);
      if (left.length === 0) return left;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return qemusOf(dir);
  };

  test('Ctrl-C ends with 130, a report of what is known and no QEMU', async () => {
    using own = scratch();
    const dir = join(own.dir, 'run');
    const { child, done } = startPgmap(['run', '--suite', 'fs-dax', '--out', dir]);
    await untilBooting(dir);
    child.kill('SIGINT');
    const { code } = await done;
    expect(code).toBe(130);
    expect(await untilGone(dir)).toEqual([]);
    expect(resultsOf(dir).status).toBe('MISS');
  });

  test('SIGKILL of the tool leaves no QEMU', async () => {
    using own = scratch();
    const dir = join(own.dir, 'run');
    const { child, done } = startPgmap(['run', '--suite', 'fs-dax', '--out', dir]);
    await untilBooting(dir);
    child.kill('SIGKILL');
    await done;
    expect(await untilGone(dir)).toEqual([]);
  });
});

describe('a patch that breaks a type', () => {
  test('is caught by a suite of that type, and the series is to blame', async () => {
    using own = scratch();
    const dir = join(own.dir, 'run');
    const patch = join(projectDir, 'src/testing/mutants/devdax-first-page.patch');
    const { code, stderr } = await pgmap('run', '--source', 'distro:6.12', patch, '--out', dir);
    const result = resultsOf(dir);
    expect(code, stderr).toBe(1);
    expect(result.status).toBe('FAIL');
    expect(result.series?.patches).toBe(1);
    // Everything ran on stock 6.12 above: nothing of the base is built or booted again.
    expect(result.baseline).toMatchObject({ built: true, cached: result.jobs.length });
    const [change] = result.changes;
    expect(change).toMatchObject({ kind: 'regression', patch: { number: 1, of: 1 } });
    expect(change?.rate?.was).toMatchObject({ bad: 0 });
    expect(result.types['MEMORY_DEVICE_GENERIC']?.status).toBe('FAIL');
    for (const type of ['MEMORY_DEVICE_PRIVATE', 'MEMORY_DEVICE_PCI_P2PDMA'])
      expect(result.types[type]?.status, type).toBe('PASS');
  });
});
