// What the README tells people to type works: every pgmap line of it is run, with --dry-run where a kernel would be built.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeTree } from '../testing/fakelinux/fakelinux.ts';
import { projectDir, scratch } from './pgmap.ts';

const readme = readFileSync(join(projectDir, 'README.md'), 'utf8');
const lines = [...readme.matchAll(/^```sh\n([^]*?)^```/gm)]
  .flatMap((block) => (block[1] ?? '').split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').trim())
  .filter((line) => line.startsWith('npx pgmap '));

const place = scratch();
const home = join(place.dir, 'home');

beforeAll(async () => {
  mkdirSync(home);
  await fakeTree(join(home, 'linux'));
  const patch = join(projectDir, 'src/testing/mutants/devdax-first-page.patch');
  for (const name of ['fix.patch', 'v2-series.mbox']) copyFileSync(patch, join(place.dir, name));
  writeFileSync(join(place.dir, 'good.config'), 'CONFIG_X86_MCE=y\n');
  writeFileSync(join(place.dir, 'bad.config'), '# CONFIG_X86_MCE is not set\n');
});
afterAll(() => place[Symbol.dispose]());

test('there are lines to try', () => {
  expect(lines.length).toBeGreaterThan(5);
});

test.each(lines)('%s', (line) => {
  // What needs a terminal, a real tag or a package that set-up does not install is only parsed.
  const parseOnly = /\bshell\b|--resume|--(?:base|good) v6|distro:6\.1\b/.test(line);
  const dry = parseOnly
    ? `${line} --help`
    : line.includes('--dry-run')
      ? line
      : `${line} --dry-run`;
  const command = dry
    .replace('npx pgmap', `node ${join(projectDir, 'dist/cli.js')}`)
    .replaceAll('~/linux', join(home, 'linux'));
  const done = spawnSync('sh', ['-c', command], {
    cwd: place.dir,
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '100' },
  });
  expect(done.stderr.replace(/^importing .*\n/gm, ''), command).toBe('');
  expect(done.status, command).toBe(0);
  expect(done.stdout, command).toContain(parseOnly ? 'Options:' : 'qemu-system-x86_64');
});

test('the scripts that the README names exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = [
    ...readme.matchAll(/`?npm (?:run )?(start|test|check|golden|schema|bench|mutants)\b/g),
  ].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(5);
  for (const name of new Set(named)) expect(scripts, name).toHaveProperty(name);
});
