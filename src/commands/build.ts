// pgmap build: up to the built, cached kernel.
import type { CommandModule } from 'yargs';
import { formatDuration } from '../core/units.ts';
import { buildKernel } from '../run/tested-kernel.ts';
import { clean } from '../report/escape.ts';
import { table } from '../report/table.ts';
import { withSandbox } from '../util/sandbox-trial.ts';
import { type App, contextOf } from './app.ts';
import { type RunArguments, runRequest, withKernelOptions } from './run-options.ts';
import { labOf } from './run.ts';

export const buildCommand = (app: App): CommandModule<object, RunArguments> => ({
  command: 'build [series..]',
  describe: 'Build a kernel, or find it in the cache; print its key and paths',
  builder: (yargs) =>
    withKernelOptions(yargs)
      .example('$0 build --source distro:6.1', "Debian's 6.1")
      .example('$0 build --tree ~/linux v2-fix.mbox', 'a series on your tree') as never,
  async handler(args) {
    const start = performance.now();
    const progress = progressLine(app);
    const request = runRequest(app, { ...args, accel: 'auto' });
    const { sandbox = 'auto' } = request;
    const { ctx, info } = await withSandbox(sandbox, contextOf(app, progress.show));
    const { build } = await buildKernel(request, labOf(app), ctx);
    progress.end();
    app.out.write(
      table([
        ['key', build.key],
        ['release', build.release],
        ['kernel', build.image],
        ['config', build.configFile],
        ['modules', build.modulesDir],
        [build.cached ? 'cached' : 'built', formatDuration(performance.now() - start)],
        ['builds', info.text],
        ...build.unmet.map(({ symbol, reason }) => [`CONFIG_${symbol}`, reason]),
      ]),
    );
  },
});

/** One line on a terminal that is rewritten; a line every few seconds elsewhere. */
export function progressLine(app: App): { show(text: string): void; end(): void } {
  let last = 0;
  let shown = false;
  return {
    show(text) {
      const now = performance.now();
      if (now - last < (app.err.isTerminal ? 100 : 5000)) return;
      last = now;
      shown = true;
      // What make says is somebody else's text.
      const line = clean(text, app.err.columns() - 1);
      app.err.write(app.err.isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
    },
    end() {
      if (shown && app.err.isTerminal) app.err.write('\r\x1b[K');
    },
  };
}
