import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { openTree } from './source.ts';
import { memremapUsers, singleTargets } from './users.ts';

async function commit(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  await userGit(dir, 'add', '--all', '--force');
  await userGit(dir, 'commit', '--quiet', '--message', 'more');
}

test('users are found by what they name, in C files of the kernel, and by what a series changes', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  await commit(tree, {
    'drivers/one.c': 'x = devm_memremap_pages(dev, pgmap);\n',
    'drivers/two.c': 'struct dev_pagemap pgmap;\n',
    'drivers/three.c': 'if (type == MEMORY_DEVICE_COHERENT)\n',
    'drivers/near.c': 'my_memremap_pages_of(x); memory_type = MEMORY_DEVICEX; dev_pagemapper();\n',
    'tools/four.c': 'memremap_pages(x);\n',
    'Documentation/five.c': 'memremap_pages(x);\n',
    'mm/six.h': 'memremap_pages(x);\n',
  });
  const base = await openTree(tree, 'HEAD', at.ctx);
  const known = [
    ...['arch/powerpc/kvm/fake.c', 'drivers/fake/elsewhere.c', 'drivers/fake/user.c'],
    ...['drivers/one.c', 'drivers/three.c', 'drivers/two.c', 'mm/memremap.c'],
  ];
  expect(await memremapUsers(base, base, at.ctx)).toEqual(known);

  await rm(join(tree, 'drivers/two.c'));
  await commit(tree, { 'drivers/one.c': '/* no more */\n', 'fs/new.c': 'memremap_pages(x);\n' });
  const series = await openTree(tree, 'HEAD', at.ctx);
  expect(await memremapUsers(base, series, at.ctx)).toEqual(
    [...known.filter((file) => !/one|two/.test(file)), 'fs/new.c'].sort(),
  );
});

test('a file that is built from another folder is made from there', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  await commit(tree, {
    'drivers/gpu/amd/amdkfd/Makefile': 'KFD := $(KFD_PATH)/kfd_migrate.o \\\n\t$(KFD_PATH)/kfd.o\n',
    'drivers/gpu/amd/amdgpu/Makefile':
      'include $(FULL_AMD_PATH)/amdkfd/Makefile\nobj-m += amdgpu.o\n',
    'drivers/gpu/nouveau/Kbuild': 'nouveau-y += nouveau_dmem.o\n',
  });
  const source = await openTree(tree, 'HEAD', at.ctx);
  const files = ['drivers/gpu/amd/amdkfd/kfd_migrate.c', 'drivers/gpu/nouveau/nouveau_dmem.c'];
  expect([...(await singleTargets(source, files, at.ctx)).values()]).toEqual([
    'drivers/gpu/amd/amdgpu/../amdkfd/kfd_migrate.o',
    'drivers/gpu/nouveau/nouveau_dmem.o',
  ]);
});
