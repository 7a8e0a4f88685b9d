// pgmap shell: boot a topology and give a shell in it.
import type { CommandModule } from 'yargs';
import { type App, contextOf } from './app.ts';
import { progressLine } from './build.ts';
import { type RunArguments, runRequest, withKernelOptions } from './run-options.ts';
import { labOf } from './run.ts';

interface Arguments extends RunArguments {
  gdb: boolean;
}

export const shellCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'shell [series..]',
  describe: 'Boot a topology and give a shell in the guest',
  builder: (yargs) =>
    withKernelOptions(yargs)
      .option('topology', { type: 'string', default: 'nvdimm', describe: 'Which machine' })
      .option('accel', { choices: ['auto', 'kvm', 'tcg'], default: 'auto', describe: 'As for run' })
      .option('gdb', {
        type: 'boolean',
        default: false,
        describe: "Wait for a debugger on QEMU's stub; prints the gdb line",
      })
      .example('$0 shell --topology nvme-cmb', 'suites are in /pgmap/suites')
      .example('echo "ndctl list" | $0 shell', 'commands from a pipe')
      .example('$0 shell --gdb', 'debug the boot') as never,
  async handler(args) {
    const progress = progressLine(app);
    const topology = String(args.topology);
    const { openShell } = await import('../run/shell.ts');
    const code = await openShell(
      runRequest(app, { ...args, topology: [topology] }),
      labOf(app),
      contextOf(app, progress.show),
      {
        topology,
        gdb: args.gdb,
        terminal: { rows: process.stdout.rows || 24, cols: app.out.columns(), term: 'linux' },
        input: process.stdin,
        output: process.stdout,
        onNote(text) {
          progress.end();
          app.err.write(`${text}\n`);
        },
      },
    );
    app.exitWith(code);
  },
});
