// pgmap list: what there is to run, and what was run.
import type { CommandModule } from 'yargs';
import { loadSuites, loadTopologies } from '../config/load.ts';
import { fold } from '../core/result.ts';
import { formatDuration } from '../core/units.ts';
import { openSource, treeTypes } from '../tested-kernel.ts';
import { table } from '../report/table.ts';
import { listRuns, readRecord } from '../store/run-folder.ts';
import { type App, contextOf } from './app.ts';
import { type SourceArguments, sourceRequest, withSourceOptions } from './source-options.ts';

interface Arguments extends SourceArguments {
  what: string;
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
  tests: async (app) =>
    [...(await loadSuites(app.places.projectDir)).values()].flatMap((suite) =>
      suite.tests.map((test) => [
        `${suite.name} > ${test.name}`,
        suite.types.map(short).join(','),
        test.cases.join(','),
      ]),
    ),
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
  command: 'list <what>',
  describe: 'List suites, topologies, types, tests or runs',
  builder: (yargs) =>
    withSourceOptions(
      yargs.positional('what', {
        choices: Object.keys(lists),
        demandOption: true,
        describe: 'What to list; types reads enum memory_type from the tree',
      }),
    )
      .example('$0 list tests', 'memory type, suite and test')
      .example('$0 list types --tree ~/linux', 'the memory types of a tree'),
  async handler(args) {
    const rows = await lists[args.what]?.(app, args);
    app.out.write(table(rows ?? []));
  },
});
