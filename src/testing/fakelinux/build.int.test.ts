import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch } from './fakelinux.ts';
import { applySeries } from '../../tree/series.ts';
import { openTree, type Source } from '../../tree/source.ts';
import { checkOut } from '../../tree/worktree.ts';
import { ensureKernel, type KernelRequest, objectsDir } from '../../kernel/build.ts';
import { run } from '../../util/proc.ts';
import { trySandbox } from '../../util/sandbox-trial.ts';

const otherKconfig = `A symbol more

diff --git a/mm/Kconfig.more b/mm/Kconfig.more
new file mode 100644
--- /dev/null
+++ b/mm/Kconfig.more
@@ -0,0 +1,2 @@
+config MORE
+	bool "More"
`;

const fragments = [
  { name: 'base.config', text: 'CONFIG_MODULES=y\nCONFIG_ZONE_DEVICE=y\n' },
  { name: 'mine.config', text: 'CONFIG_MEMORY_FAILURE=y\nCONFIG_NO_SUCH_THING=y\n' },
];

async function rig() {
  const at = await scratch();
  const source = await openTree(await fakeTree(join(at.dir, 'linux')), undefined, at.ctx);
  let checkouts = 0;
  const request = (of: Source): KernelRequest => ({
    tree: of.tree,
    objects: of.id,
    fragments,
    checkOut: () => {
      checkouts++;
      return checkOut(of, at.ctx);
    },
  });
  return {
    ...at,
    source,
    checkouts: () => checkouts,
    request,
    build: (of: Source) => ensureKernel(request(of), at.ctx),
    patched: async (file: string) => (await applySeries(source, [file], at.ctx)).source,
  };
}

test('a kernel is built once, with all that a guest needs', async () => {
  await using at = await rig();
  const built = await at.build(at.source);
  expect(built).toMatchObject({ cached: false, release: '6.12.0-fake' });
  expect((await stat(built.image)).size).toBeGreaterThan(0);
  expect(await readdir(join(built.modulesDir, 'lib/modules'))).toEqual(['6.12.0-fake']);
  expect(await readdir(join(built.headersDir, 'linux'))).toEqual(['fake.h']);
  expect(Object.fromEntries(built.config)).toEqual({ MODULES: 'y', ZONE_DEVICE: 'y' });

  const before = at.said.length;
  const again = await at.build(at.source);
  expect(again).toEqual({ ...built, cached: true });
  expect(at.checkouts()).toBe(1);
  expect(at.said).toHaveLength(before);
});

test('symbols that did not take are named with the reason', async () => {
  await using at = await rig();
  const { unmet } = await at.build(at.source);
  expect(unmet).toEqual([
    { symbol: 'MEMORY_FAILURE', asked: 'y', reason: 'unmet dependency: X86_MCE (=n)' },
    { symbol: 'NO_SUCH_THING', asked: 'y', reason: 'unknown in this tree' },
  ]);
});

test('another tree is another kernel, and only what changed is compiled', async () => {
  await using at = await rig();
  const base = await at.build(at.source);
  const patched = await at.build(await at.patched(patch.applies));
  expect(patched.key).not.toBe(base.key);
  expect(await readFile(join(patched.dir, 'build.log'), 'utf8')).toContain('CC      mm/memremap.o');
  expect((await at.build(at.source)).cached).toBe(true);
});

test('it is configured anew only when what that comes of has changed', async () => {
  await using at = await rig();
  const objects = objectsDir(at.request(at.source), at.ctx);
  const configures = async (of: Source): Promise<boolean> => {
    await at.build(of);
    return (await readFile(join(objects, 'pgmap-build.log'), 'utf8')).includes('allnoconfig');
  };
  expect(await configures(at.source)).toBe(true);
  expect(await configures(await at.patched(patch.applies))).toBe(false);
  // With one more Kconfig file, and with another .config than it came to.
  const file = join(at.dir, 'kconfig.patch');
  await writeFile(file, otherKconfig);
  expect(await configures(await at.patched(file))).toBe(true);
  await rm(join(at.ctx.cacheDir, 'kernels'), { recursive: true });
  await writeFile(join(objects, '.config'), '# somebody else was here\n');
  expect(await configures(await at.patched(patch.applies))).toBe(true);
});

test('a compiler error is the title, with file and line, and nothing is kept', async () => {
  await using at = await rig();
  const broken = await at.patched(patch.breaksBuild).catch(() => undefined);
  // Made for the tree that has `applies`.
  expect(broken).toBeUndefined();
  const series = await applySeries(at.source, [patch.applies, patch.breaksBuild], at.ctx);
  await expect(at.build(series.source)).rejects.toMatchObject({
    failure: {
      blame: 'series',
      code: 'build-failed',
      title: expect.stringMatching(/^mm\/memremap\.c:10:\d+: error: .one. undeclared/),
      detail: expect.stringMatching(/^\$ make -C .*bzImage modules/),
    },
  });
  expect(await readdir(join(at.ctx.cacheDir, 'kernels')).catch(() => [])).toEqual([]);
  expect((await at.build(at.source)).cached).toBe(false);
});

test('a make that fails without a word from the compiler', async () => {
  await using at = await rig();
  await expect(at.build(await at.patched(patch.fails))).rejects.toMatchObject({
    failure: { code: 'build-failed', title: expect.stringContaining('asked to fail') },
  });
});

test('an entry without its manifest or its image is built again', async () => {
  await using at = await rig();
  const built = await at.build(at.source);
  await rm(built.dir, { recursive: true });
  expect((await at.build(at.source)).cached).toBe(false);
  expect((await at.build(at.source)).cached).toBe(true);
});

test('an abort in the middle of a build is passed on, and the next build works', async () => {
  await using at = await rig();
  const stop = new AbortController();
  const ctx = {
    ...at.ctx,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('enough')),
  };
  await expect(ensureKernel(at.request(at.source), ctx)).rejects.toThrow('enough');
  expect((await at.build(at.source)).release).toBe('6.12.0-fake');
});

test('two who want the same kernel at once build it once', async () => {
  await using at = await rig();
  const built = await Promise.all([at.build(at.source), at.build(at.source)]);
  expect(built[0].key).toBe(built[1].key);
  const log = await readFile(join(built[0].dir, 'build.log'), 'utf8');
  expect(log.match(/CC {6}mm\/memremap\.o/g)).toHaveLength(1);
});

test('in the sandbox the same is built, byte for byte, and ccache is used', async () => {
  await using at = await rig();
  const files = async (dir: string): Promise<[string, string][]> => {
    const names = await readdir(dir, { recursive: true, withFileTypes: true });
    const found = names
      .filter((item) => item.isFile() && !['build.log', 'warnings.json'].includes(item.name))
      .map((item) => join(item.parentPath, item.name))
      .sort();
    return Promise.all(
      found.map(
        async (path) =>
          [path.slice(dir.length), await readFile(path, 'base64')] as [string, string],
      ),
    );
  };
  const plain = await at.build(at.source);
  const before = await files(plain.dir);
  const sandbox = await trySandbox(at.ctx);
  if (typeof sandbox === 'string') throw new Error(sandbox);
  const again = async (): Promise<[string, string][]> => {
    await rm(plain.dir, { recursive: true });
    await rm(join(at.ctx.cacheDir, 'objects'), { recursive: true });
    const boxed = await ensureKernel(at.request(at.source), { ...at.ctx, sandbox });
    expect(boxed).toEqual(plain);
    return files(boxed.dir);
  };
  expect(await again()).toEqual(before);
  expect(await readFile(join(plain.dir, 'build.log'), 'utf8')).toMatch(/^# in bubblewrap/m);
  // And the other way round: what the sandbox has put into ccache is found without it, and by it.
  const hits = async (): Promise<number> => {
    const { stdout } = await run(['ccache', '--print-stats'], {
      env: { PATH: at.ctx.path, CCACHE_DIR: join(at.ctx.cacheDir, 'ccache') },
    });
    return (
      Number(/^direct_cache_hit\s+(\d+)/m.exec(stdout)?.[1]) +
      Number(/^preprocessed_cache_hit\s+(\d+)/m.exec(stdout)?.[1])
    );
  };
  const known = await hits();
  expect(await again()).toEqual(before);
  expect(await hits()).toBeGreaterThan(known);
});
