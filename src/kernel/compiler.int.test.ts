// The compiler as kbuild calls it: what it makes must be of what is there now.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { must } from '../util/proc.ts';
import { compiler, environment } from './make.ts';

test('a file that is included as bytes is never an older one of the same size', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-incbin-'));
  try {
    const ctx = { path: process.env['PATH'] ?? '', cacheDir: dir };
    const [source, object] = [join(dir, 'piggy.S'), join(dir, 'piggy.o')];
    await writeFile(source, `.incbin "${join(dir, 'image')}"\n`);
    const argv = [
      ...(await compiler(ctx)).split(' '),
      ...[`-Wp,-MMD,${join(dir, 'piggy.d')}`, '-D__ASSEMBLY__', '-c', '-o', object, source],
    ];
    const made: boolean[] = [];
    for (const image of ['first image', 'other image', 'first image', 'third image']) {
      await writeFile(join(dir, 'image'), image);
      await must(argv, { what: 'compiling', env: environment(ctx) });
      made.push((await readFile(object, 'latin1')).includes(image));
    }
    expect(made).toEqual([true, true, true, true]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
