import { createReadStream } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { must, run } from '../util/proc.ts';
import { fastImport } from './tar.ts';

const commit = {
  ref: 'refs/heads/import',
  message: 'sources\n',
  committer: 'Ann Author <ann@example.org> 946684800 +0000',
};

/** A folder with every kind of entry that a source tree has, and some odd ones. */
async function makeTree(top: string): Promise<void> {
  const deep = join(top, 'x'.repeat(90), 'y'.repeat(90), 'z'.repeat(90));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'long'), 'far away\n');
  await writeFile(join(top, 'empty'), '');
  await writeFile(join(top, 'block'), 'b'.repeat(512));
  await writeFile(join(top, 'big'), Buffer.alloc(3_000_001, 'big'));
  await writeFile(join(top, 'odd "name" \\ öß'), 'odd\n');
  await writeFile(join(top, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('run.sh', join(top, 'link'));
  await symlink(`${'t'.repeat(200)}/far`, join(top, 'long link'));
}

test.each(['gnu', 'posix', 'ustar'])(
  'an archive in %s format becomes the tree that git makes of the same files',
  async (format) => {
    await using at = await scratch();
    const top = join(at.dir, 'linux-source-6.12');
    await mkdir(top);
    await makeTree(top);
    // ustar has no room for these.
    const skip =
      format === 'ustar'
        ? ['--exclude=long link', `--exclude=${'z'.repeat(90)}`]
        : ['--exclude=x:'];
    const archive = join(at.dir, 'a.tar');
    await must(
      ['tar', `--format=${format}`, ...skip, '-cf', archive, '-C', at.dir, 'linux-source-6.12'],
      { what: 'tar' },
    );

    const repository = join(at.dir, 'r');
    await userGit(at.dir, 'init', '--quiet', repository);
    const stream = fastImport(createReadStream(archive), commit);
    await must(['git', '-C', repository, 'fast-import', '--quiet'], {
      what: 'fast-import',
      input: Readable.from(stream),
    });

    const unpacked = join(at.dir, 'unpacked');
    await mkdir(unpacked);
    await must(['tar', '-xf', archive, '-C', unpacked, '--strip-components=1'], { what: 'tar' });
    await userGit(unpacked, 'init', '--quiet');
    await userGit(unpacked, 'add', '--all', '--force');
    expect(await userGit(repository, 'rev-parse', 'import^{tree}')).toBe(
      await userGit(unpacked, 'write-tree'),
    );
    await userGit(repository, 'fsck', '--strict');
  },
);

test('an archive that is cut anywhere leaves no commit behind', async () => {
  await using at = await scratch();
  const top = join(at.dir, 'linux');
  await mkdir(top);
  await writeFile(join(top, 'a'), 'a'.repeat(700));
  await writeFile(join(top, 'b'), 'b'.repeat(700));
  const archive = join(at.dir, 'a.tar');
  await must(['tar', '-cf', archive, '-C', at.dir, 'linux'], { what: 'tar' });
  const bytes = await readFile(archive);
  const repository = join(at.dir, 'r');
  await userGit(at.dir, 'init', '--quiet', repository);
  for (const size of [0, 100, 512, 900, 1024, 2000, 2600]) {
    const input = Readable.from(fastImport(Readable.from([bytes.subarray(0, size)]), commit));
    const broken = run(['git', '-C', repository, 'fast-import', '--quiet'], { input });
    await expect(broken, `${size} bytes`).rejects.toMatchObject({
      failure: { blame: 'lab', code: 'archive-broken' },
    });
    expect(await userGit(repository, 'for-each-ref')).toBe('');
  }
});

test('garbage is called broken, and nothing else', async () => {
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) % 251));
  const read = async (bytes: Buffer): Promise<void> => {
    for await (const _ of fastImport(Readable.from([bytes]), commit));
  };
  for (let at = 0; at < 512; at += 37)
    await expect(read(noise.subarray(at))).rejects.toBeInstanceOf(FailureError);
});
