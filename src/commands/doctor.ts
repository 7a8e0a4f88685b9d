// pgmap doctor: what this host has and lacks, one line each, with the command that mends it.
import { access, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { loadHost, loadRecipe, loadTopologies } from '../config/load.ts';
import { exitCodes } from '../core/exit-code.ts';
import { FailureError } from '../core/failure.ts';
import { formatSize } from '../core/units.ts';
import { findings, type Finding } from '../report/findings.ts';
import { run } from '../util/proc.ts';
import { bubblewrapLine, trySandbox } from '../util/sandbox-trial.ts';
import { missingFor, qemuFacts } from '../vm/probe.ts';
import type { App } from './app.ts';
import { qemuProgram } from './qemu.ts';

interface Arguments {
  install: boolean;
  quiet: boolean;
}

export const doctorCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'doctor',
  describe: 'Say what this host has and lacks, and how to mend it',
  builder: (yargs) =>
    yargs
      .option('install', {
        type: 'boolean',
        default: false,
        describe: 'Install the missing Debian packages with apt-get',
      })
      .option('quiet', { type: 'boolean', default: false, describe: 'Print only what is wrong' })
      .example('$0 doctor', 'one line per thing')
      .example('sudo $0 doctor --install', 'and mend it'),
  async handler({ install, quiet }) {
    let missing = await missingPackages(app);
    const absent = [...missing.required, ...missing.optional];
    if (install && absent.length > 0) {
      await installPackages(app, absent).catch((error: unknown) => {
        // It works without the optional ones, and the findings name them.
        if (missing.required.length > 0 || !(error instanceof FailureError)) throw error;
      });
      missing = await missingPackages(app);
    }
    const all = [...packageFindings(missing), ...(await hostFindings(app))];
    const shown = quiet ? all.filter((finding) => !finding.ok) : all;
    app.out.write(findings(shown, { color: app.out.color }));
    if (all.some((finding) => !finding.ok && finding.needed)) app.exitWith(exitCodes.usage);
  },
});

interface Missing {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly wanted: number;
}

/** Packages of configs/host.yaml and images/guest.yaml that dpkg does not know as installed. */
async function missingPackages(app: App): Promise<Missing> {
  const host = await loadHost(app.places.projectDir);
  const guest = await loadRecipe(app.places.projectDir);
  const wanted = [...host.packages, ...guest.packages.map((name) => ({ name, optional: false }))];
  const names = [...new Set(wanted.map((one) => one.name))];
  // dpkg-query exits with 1 when it does not know one of them; what it knows it prints all the same.
  const query = await run(
    ['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...names],
    {
      signal: app.signal,
    },
  );
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  const absent = names.filter((name) => !installed.has(name));
  const optional = new Set(wanted.filter((one) => one.optional).map((one) => one.name));
  return {
    required: absent.filter((name) => !optional.has(name)),
    optional: absent.filter((name) => optional.has(name)),
    wanted: names.length,
  };
}

const aptLine = (packages: readonly string[]): string =>
  `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/**
 * Runs the printed line, as root or through sudo. Throws FailureError `lab/packages-missing` without the right to,
 * and `lab/apt-failed` when apt-get does.
 */
async function installPackages(app: App, packages: readonly string[]): Promise<void> {
  app.err.write(`${aptLine(packages)}\n`);
  const root = process.getuid?.() === 0;
  const may = root || (await run(['sudo', '-n', 'true']).catch(() => ({ code: 1 }))).code === 0;
  if (!may)
    throw new FailureError({
      blame: 'lab',
      code: 'packages-missing',
      title: `${packages.length} Debian packages are missing, and installing them takes root`,
      detail: `sudo sh -c '${aptLine(packages)}'`,
      hint: 'Run the line above, then this command again.',
    });
  const prefix = root ? [] : ['sudo', '-n'];
  const env = { PATH: app.path, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const steps = [
    ['apt-get', '-q', 'update'],
    ['apt-get', '-q', 'install', '-y', '--no-install-recommends', ...packages],
  ];
  for (const step of steps) {
    const done = await run([...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...step], {
      env,
      signal: app.signal,
      onLine: (line) => app.err.write(`  ${line}\n`),
    });
    if (done.code !== 0)
      throw new FailureError({
        blame: 'lab',
        code: 'apt-failed',
        title: `${step.slice(0, 3).join(' ')} failed`,
        detail: `${done.stdout}\n${done.stderr}`
          .split('\n')
          .filter((line) => /^(E|W|Err)[: ]/.test(line))
          .slice(0, 12)
          .join('\n'),
        hint: 'Without a network, install the packages from a medium that this host reaches.',
      });
  }
}

function packageFindings(missing: Missing): Finding[] {
  const found: Finding[] = [];
  const present = missing.wanted - missing.required.length - missing.optional.length;
  found.push({
    ok: missing.required.length === 0,
    needed: true,
    what: `Debian packages: ${present} of ${missing.wanted} installed`,
    ...(missing.required.length === 0 ? {} : { mend: aptLine(missing.required) }),
  });
  if (missing.optional.length > 0)
    found.push({
      ok: false,
      needed: false,
      what: `optional packages missing: ${missing.optional.join(', ')}`,
      mend: aptLine(missing.optional),
    });
  return found;
}

async function hostFindings(app: App): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    const facts = await qemuFacts(qemuProgram, app.signal);
    found.push({ ok: true, needed: true, what: `QEMU ${facts.version}` });
    for (const topology of (await loadTopologies(app.places.projectDir)).values()) {
      const lack = missingFor(topology, facts);
      found.push({
        ok: lack === undefined,
        needed: false,
        what: `topology ${topology.name}${lack === undefined ? '' : `: ${lack}`}`,
        ...(lack === undefined ? {} : { mend: 'a newer QEMU; its suites SKIP until then' }),
      });
    }
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { title, hint } = error.failure;
    found.push({
      ok: false,
      needed: true,
      what: title,
      ...(hint === undefined ? {} : { mend: hint }),
    });
  }
  found.push({
    ok: app.memoryBytes >= 4 * 2 ** 30,
    needed: true,
    what: `memory: ${formatSize(app.memoryBytes)}, ${app.cpus} processors`,
    ...(app.memoryBytes >= 4 * 2 ** 30 ? {} : { mend: 'guests take up to 3 GiB' }),
  });
  const space = await freeSpace(app.places.cacheDir);
  found.push({
    ok: space >= 8 * 2 ** 30,
    needed: false,
    what: `space for the cache: ${formatSize(space)} free`,
    ...(space >= 8 * 2 ** 30
      ? {}
      : { mend: 'a tree, its objects and a kernel take 6 GiB; `pgmap clean` drops old ones' }),
  });
  const sandbox = await trySandbox({ path: app.path, signal: app.signal });
  found.push(
    typeof sandbox === 'string'
      ? {
          ...{ ok: false, needed: false, what: `builds are not sandboxed: ${sandbox}` },
          mend: `${bubblewrapLine}; in a container, allow user namespaces`,
        }
      : { ok: true, needed: false, what: `builds are sandboxed by ${sandbox.name}` },
  );
  const kvm = await access('/dev/kvm').then(
    () => true,
    () => false,
  );
  found.push({
    ok: true,
    needed: false,
    what: kvm
      ? '/dev/kvm exists; `pgmap run` boots a kernel under it once before it believes in it'
      : 'no /dev/kvm: guests run under emulation (TCG)',
  });
  return found;
}

/** Bytes free for us where `dir` is or would be made. */
async function freeSpace(dir: string): Promise<number> {
  for (let at = dir; ; at = join(at, '..')) {
    const info = await statfs(at).catch(() => undefined);
    if (info !== undefined) return info.bavail * info.bsize;
  }
}
