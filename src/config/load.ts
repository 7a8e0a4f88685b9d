// Everything the project knows as data: topologies, suites, recipes, fragments, from their folders.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Suite } from '../core/suite.ts';
import type { Topology } from '../core/topology.ts';
import { hostSchema, recipeSchema } from './recipe.ts';
import { asSuite, suiteSchema } from './suite.ts';
import { asTopology, topologySchema } from './topology.ts';
import { loadYaml } from './yaml.ts';

/**
 * Topologies by name, of the project and of `extraDir`/topologies, if one is given. A file must be named after what it
 * holds.
 */
export async function loadTopologies(
  projectDir: string,
  extraDir?: string,
): Promise<ReadonlyMap<string, Topology>> {
  const found = new Map<string, Topology>();
  await addTopologies(found, join(projectDir, 'configs/topologies'));
  if (extraDir !== undefined) await addTopologies(found, join(extraDir, 'topologies'));
  return found;
}

async function addTopologies(found: Map<string, Topology>, dir: string): Promise<void> {
  for (const file of (await readdir(dir)).filter((one) => one.endsWith('.yaml')).sort()) {
    const topology = asTopology(await loadYaml(join(dir, file), topologySchema));
    sameName(join(dir, file), basename(file, '.yaml'), topology.name);
    found.set(topology.name, topology);
  }
}

/** Suites by name: every folder of suites/, and of `extraDir`/suites if one is given, that has a suite.yaml. */
export async function loadSuites(
  projectDir: string,
  extraDir?: string,
): Promise<ReadonlyMap<string, Suite>> {
  const found = await suitesIn(join(projectDir, 'suites'));
  if (extraDir !== undefined)
    for (const [name, suite] of await suitesIn(join(extraDir, 'suites')))
      found.set(name, { ...suite, dir: join(extraDir, 'suites', name) });
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function suitesIn(dir: string): Promise<Map<string, Suite>> {
  const found = new Map<string, Suite>();
  for (const item of (await readdir(dir, { withFileTypes: true })).filter((one) =>
    one.isDirectory(),
  )) {
    const file = join(dir, item.name, 'suite.yaml');
    if (!(await readdir(join(dir, item.name))).includes('suite.yaml')) continue;
    const suite = asSuite(await loadYaml(file, suiteSchema));
    sameName(file, item.name, suite.name);
    found.set(suite.name, suite);
  }
  return found;
}

export const loadRecipe = (projectDir: string) =>
  loadYaml(join(projectDir, 'images/guest.yaml'), recipeSchema);

export const loadHost = (projectDir: string) =>
  loadYaml(join(projectDir, 'configs/host.yaml'), hostSchema);

/** Fragments of configs/kernel by name, in the order given, duplicates dropped; a suite's own `kernel.config` is a path. */
export async function loadFragments(
  projectDir: string,
  names: readonly string[],
): Promise<{ name: string; text: string }[]> {
  const fragments = [];
  for (const name of new Set(names)) {
    const file = join(projectDir, 'configs/kernel', `${name}.config`);
    try {
      fragments.push({ name, text: await readFile(file, 'utf8') });
    } catch (cause) {
      throw new FailureError(
        {
          blame: 'usage',
          code: 'unknown-fragment',
          title: `there is no fragment '${name}'`,
          detail: file,
          hint: 'Fragments are the files of configs/kernel/.',
        },
        { cause },
      );
    }
  }
  return fragments;
}

function sameName(file: string, want: string, got: string): void {
  if (want !== got)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-yaml',
      title: `${file}: name is '${got}', but it must be '${want}' like its file`,
    });
}
