// pgmap shell: boot a topology and give a shell in it.
import type { CommandModule } from 'yargs';
import { type App, contextOf } from './app.ts';
import { progressLine } from './build.ts';
import { type RunArguments, runRequest, withKernelOptions } from './run-options.ts';
import { withSandbox } from '../util/sandbox-trial.ts';
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
    const request = runRequest(app, { ...args, topology: [topology] });
    const { sandbox = 'auto' } = request;
    const { ctx, info } = await withSandbox(sandbox, contextOf(app, progress.show));
    if (!info.on) app.err.write(`builds are ${info.text}\n`);
    const code = await openShell(request, labOf(app), ctx, {
      topology,
      gdb: args.gdb,
      terminal: { rows: process.stdout.rows || 24, cols: app.out.columns(), term: 'linux' },
      input: process.stdin,
      output: process.stdout,
      onNote(text) {
        progress.end();
        app.err.write(`${text}\n`);
      },
    });
    app.exitWith(code);
  },
});
