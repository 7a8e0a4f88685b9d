// A history of 64 commits on a kernel tree, made up for bisections: comments, functions, a header, a side branch that is merged, eight
// commits in a row that do not compile, one that does not boot, and a fault where the caller wants it.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { must, outputOf } from '../util/proc.ts';

export interface KernelHistory {
  /** A repository without checked-out files, for --tree. */
  readonly tree: string;
  /** The good end. */
  readonly base: string;
  /** By number; the last is the bad end. */
  readonly commits: readonly string[];
  readonly culprit: string;
}

export interface Traits {
  /** A commit changes a header that most of the kernel includes. */
  readonly header: boolean;
  /** Eight commits do not compile, one does not boot. */
  readonly obstacles: boolean;
}

/** Where a fault can be and be told from its neighbours: main line, side branch, on both sides of what does not build. */
export const faultPlaces: readonly number[] = Array.from({ length: 64 }, (_, at) => at).filter(
  (at) => !(at >= 16 && at <= 18) && !(at >= 30 && at <= 38) && at !== 45 && at !== 46,
);

const side = { from: 10, to: 15, besides: [16, 17], merge: 18 };
const broken = { from: 30, mended: 38 };
const silent = { at: 45, mended: 46 };
const headerAt = 52;

/** Those that the tree has are changed in turn; the first of all also does not compile and does not boot. */
const files = [
  'mm/memremap.c',
  'drivers/dax/device.c',
  'lib/test_hmm.c',
  'drivers/dax/bus.c',
  'drivers/nvdimm/pfn_devs.c',
];
const header = 'include/linux/memremap.h';
/** Changed beside the side branch, and by nothing else. */
const besideFile = 'drivers/nvdimm/pmem.c';

/** Adds to the end of a file, where no patch of the kernel's own lines is in the way. */
const additions: readonly ((at: number) => string)[] = [
  (at) => `\n/* Remark ${at}. */\n`,
  (at) => `\nint history_step_${at}(void);\nint history_step_${at}(void)\n{\n\treturn ${at};\n}\n`,
];

const doesNotCompile = '\n#error "history: not in this commit"\n';
const doesNotBoot =
  '\n#include <linux/init.h>\n#include <linux/panic.h>\nstatic int __init history_stop(void)\n{\n\tpanic("history: not in this commit");\n}\nearly_initcall(history_stop);\n';

/** What is wrong, and since when. */
export interface Fault {
  /** A file, as `git apply` takes it. */
  readonly patch: string;
  /** Number of the commit that it becomes, one of {@link faultPlaces}. */
  readonly at: number;
}

/** `from`: the object store and a commit of the kernel. The history comes into `dir`, which is new. */
export async function kernelHistory(
  from: { readonly objects: string; readonly base: string },
  fault: Fault,
  dir: string,
  traits: Traits = { header: true, obstacles: true },
): Promise<KernelHistory> {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  const git = (argv: readonly string[], input?: string): Promise<string> =>
    outputOf(['git', '-C', dir, ...argv], {
      what: `git ${argv[0] ?? ''} failed`,
      env: { PATH: path, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      ...(input === undefined ? {} : { input }),
    });
  await mkdir(dir);
  await git(['init', '--quiet', '--initial-branch=master']);
  await writeFile(join(dir, '.git/objects/info/alternates'), `${from.objects}\n`);
  const work = await mkdtemp(join(tmpdir(), 'pgmap-history-'));
  try {
    const contents = new Map<string, string>();
    const touched = [...(await readFile(fault.patch, 'utf8')).matchAll(/^\+\+\+ b\/(\S+)/gm)];
    for (const name of [...files, header, besideFile, ...touched.map((match) => match[1] ?? '')])
      if ((await git(['ls-tree', '--name-only', from.base, '--', name])).trim() === name)
        contents.set(name, await git(['cat-file', 'blob', `${from.base}:${name}`]));
    const stream = await writeStream(contents, from.base, { fault, traits }, work, path);
    await git(['fast-import', '--quiet', '--export-marks=.git/marks'], stream);
    const marks = await readFile(join(dir, '.git/marks'), 'utf8');
    const ids = new Map(marks.split('\n').map((line) => line.split(' ') as [string, string]));
    const commits = Array.from({ length: 64 }, (_, at) => ids.get(`:${at + 1}`) ?? '');
    return { tree: dir, base: from.base, commits, culprit: commits[fault.at] ?? '' };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The input of `git fast-import`: commit number n has the mark n + 1. */
async function writeStream(
  contents: Map<string, string>,
  base: string,
  { fault, traits }: { readonly fault: Fault; readonly traits: Traits },
  work: string,
  path: string,
): Promise<string> {
  const own = files.filter((name) => contents.has(name));
  const [first = ''] = own;
  const parts: string[] = [];
  const bySide = new Set<string>();
  for (let at = 0; at < 64; at++) {
    const before = new Map(contents);
    const edit = (name: string, change: (text: string) => string): void => {
      const text = contents.get(name);
      if (text !== undefined) contents.set(name, change(text));
    };
    const isBeside = side.besides.includes(at);
    const isHeader = traits.header && at === headerAt;
    const target = isBeside ? besideFile : isHeader ? header : (own[at % own.length] ?? first);
    const addition = additions[isHeader ? 0 : at % additions.length];
    if (at === fault.at) await applyPatch(contents, fault.patch, work, path);
    else if (at !== side.merge) edit(target, (text) => text + (addition?.(at) ?? ''));
    const hinder = (from: number, mended: number, what: string): void => {
      if (traits.obstacles && at === from) edit(first, (text) => text + what);
      if (traits.obstacles && at === mended) edit(first, (text) => text.replace(what, ''));
    };
    hinder(broken.from, broken.mended, doesNotCompile);
    hinder(silent.at, silent.mended, doesNotBoot);
    const changed = [...contents.keys()].filter((name) => contents.get(name) !== before.get(name));
    if (at >= side.from && at <= side.to) for (const name of changed) bySide.add(name);
    const title = at === side.merge ? "Merge branch 'side'" : `${target}: change ${at}`;
    parts.push(
      ...[`commit refs/heads/${at >= side.from && at <= side.to ? 'side' : 'master'}`],
      `mark :${at + 1}`,
      `committer Ann Author <ann@example.org> ${1_767_312_000 + 60 * at} +0000`,
      data(title),
      `from ${parentOf(at, base)}`,
      ...(at === side.merge ? [`merge :${side.to + 1}`] : []),
      // A merge brings what the side branch has changed; the rest is as on the main line.
      ...(at === side.merge ? [...bySide] : changed).flatMap((name) => [
        `M 100644 inline ${name}`,
        data(contents.get(name) ?? ''),
      ]),
    );
  }
  return `${parts.join('\n')}\n`;
}

function parentOf(at: number, base: string): string {
  if (at === 0) return base;
  return `:${at === side.besides[0] ? side.from : at}`;
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}`;

async function applyPatch(
  contents: Map<string, string>,
  patch: string,
  work: string,
  path: string,
): Promise<void> {
  for (const [name, text] of contents) {
    await mkdir(dirname(join(work, name)), { recursive: true });
    await writeFile(join(work, name), text);
  }
  await must(['git', 'apply', patch], {
    what: `Cannot apply ${patch}`,
    cwd: work,
    env: { PATH: path, GIT_CEILING_DIRECTORIES: dirname(work) },
  });
  for (const name of contents.keys()) contents.set(name, await readFile(join(work, name), 'utf8'));
}
