// pgmap list: what there is to run, and what was run.
import type { CommandModule } from 'yargs';
import { loadSuites, loadTopologies } from '../config/load.ts';
import { loadReach } from '../config/reach.ts';
import { loadVariants } from '../config/variant.ts';
import { FailureError } from '../core/failure.ts';
import { entriesOf, gaps, reachSizes } from '../core/reach-list.ts';
import { fold } from '../core/result.ts';
import { formatDuration } from '../core/units.ts';
import { openSource, treeTypes } from '../run/tested-kernel.ts';
import { table } from '../report/table.ts';
import { listRuns, readRecord } from '../store/run-folder.ts';
import { type App, contextOf } from './app.ts';
import { type SourceArguments, sourceRequest, withSourceOptions } from './source-options.ts';

interface Arguments extends SourceArguments {
  what: string;
  names: string[] | undefined;
}

const lists: Record<string, (app: App, args: Arguments) => Promise<string[][]>> = {
  suites: async (app) =>
    [...(await loadSuites(app.places.projectDir)).values()].map((suite) => [
      suite.name,
      suite.types.map(short).join(','),
      suite.topologies.join(','),
      suite.description,
    ]),
  topologies: async (app) =>
    [...(await loadTopologies(app.places.projectDir)).values()].map((one) => [
      one.name,
      one.description,
    ]),
  variants: async (app) =>
    [...(await loadVariants(app.places.projectDir)).values()].map((one) => [
      one.name,
      one.description,
      `limits x ${one.slower}`,
      one.allow.length + one.skip.length === 0
        ? 'no exceptions'
        : `${one.allow.length} reports allowed, ${one.skip.length} tests left out`,
    ]),
  tests: async (app) => {
    const suites = [...(await loadSuites(app.places.projectDir)).values()];
    const reach = await loadReach(app.places.projectDir);
    const sizes = reach === undefined ? new Map<string, number>() : reachSizes(reach);
    const types = [...new Set(suites.flatMap((suite) => suite.types))].sort();
    return types.flatMap((type) =>
      suites
        .filter((suite) => suite.types.includes(type))
        .flatMap((suite) =>
          suite.tests.map((test) => {
            const path = `${suite.name} > ${test.name}`;
            const size = sizes.get(path);
            const functions = size === undefined ? '' : `${size} functions`;
            return [short(type), path, functions, test.cases.join(',')];
          }),
        ),
    );
  },
  functions: async (app, { names = [] }) => {
    const reach = await loadReach(app.places.projectDir);
    if (reach === undefined)
      throw new FailureError({
        blame: 'usage',
        code: 'nothing-recorded',
        title: 'it is not recorded which functions tests enter',
        hint: 'npm run reach records it; that takes some minutes.',
      });
    if (names.length === 0)
      return gaps(reach).map(({ file, name, atBoot }) => [
        file,
        name,
        atBoot ? 'only while its module starts' : 'entered by no test',
      ]);
    return names.flatMap((wanted) => {
      const entries = entriesOf(reach, wanted);
      if (entries.length === 0)
        throw new FailureError({
          blame: 'usage',
          code: 'unknown-function',
          title: `'${wanted}' is none of the functions and files that were watched`,
          hint: `The compiler inlines functions, and ${reach.release} may not have it. Files are named as in the kernel tree: mm/memremap.c.`,
        });
      return entries.map(({ file, name, by, always }) => [
        file,
        name,
        by ?? 'entered by no test',
        always ? '' : 'not always',
      ]);
    });
  },
  types: async (app, args) => {
    const context = contextOf(app, (text) => app.err.write(`${text}\n`));
    const source = await openSource(sourceRequest(app, args), context);
    const suites = [...(await loadSuites(app.places.projectDir)).values()];
    return (await treeTypes(source, context)).map((type) => {
      const names = suites.filter((suite) => suite.types.includes(type)).map((suite) => suite.name);
      return [type, names.length === 0 ? `no suite for ${type}` : names.join(', ')];
    });
  },
  runs: async (app) =>
    Promise.all(
      (await listRuns(app.places.runsDir)).map(async ({ id, dir }) => {
        const result = fold(await readRecord(dir));
        return [id, result.status, formatDuration(result.timing.totalMs), result.subject];
      }),
    ),
};

const short = (type: string): string => type.replace('MEMORY_DEVICE_', '').toLowerCase();

export const listCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'list <what> [names..]',
  describe: 'List suites, topologies, variants, types, tests, functions or runs',
  builder: (yargs) =>
    withSourceOptions(
      yargs
        .positional('what', {
          choices: Object.keys(lists),
          demandOption: true,
          describe: 'What to list; types reads enum memory_type from the tree',
        })
        .positional('names', {
          type: 'string',
          array: true,
          describe: 'Functions or source files to list the tests of; without, those no test enters',
        }),
    )
      .example('$0 list tests', 'memory type, suite, test, and how much of the kernel it enters')
      .example('$0 list functions dax_iomap_rw mm/hmm.c', 'the tests that enter them')
      .example('$0 list functions', 'what no test enters')
      .example('$0 list variants', 'the debug kernels of --variant')
      .example('$0 list types --tree ~/linux', 'the memory types of a tree'),
  async handler(args) {
    const rows = await lists[args.what]?.(app, args);
    app.out.write(table(rows ?? []));
  },
});
