// The figures of bisections: twelve faults at places drawn at random, then what one costs. One after the other; each is written down
// when it is done, so that a bench that was stopped goes on where it was.
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatDuration } from '../../core/units.ts';
import { places } from '../../store/places.ts';
import { faultPlaces } from '../../testing/kernel-history.ts';
import { type Bisected, bisectOne, historyOf } from './bisect.ts';
import { type Case, cases } from './bisect-cases.ts';
import type { RunTool } from './tool.ts';

const record = join(places().stateDir, 'histories', 'done.ndjson');

export interface Wanted {
  /** Names of mutants; none: all. */
  readonly only: readonly string[];
  /** Also those that are written down. */
  readonly again: boolean;
  /** A build from nothing, in milliseconds. */
  readonly coldBuildMs: number;
}

/** Rows for the table: what, measured, promised. */
export async function measureBisections(
  { only, again, coldBuildMs }: Wanted,
  pgmap: RunTool,
): Promise<string[][]> {
  const known = again ? [] : await doneBefore();
  const chosen = cases.filter(({ mutant }) => only.length === 0 || only.includes(mutant));
  const found: Bisected[] = [];
  for (const one of chosen) {
    const before = known.findLast(({ mutant }) => mutant === one.mutant);
    const result = before ?? (await atRandom(one, pgmap));
    found.push(result);
    console.log(line(result));
  }
  const rows = [
    ['culprits right', `${found.filter(({ right }) => right).length} of ${found.length}`, 'all'],
  ];
  const [first] = chosen;
  if (first === undefined || only.length > 0) return rows;
  const quick = cases.find(({ mutant }) => mutant === 'devdax-first-page') ?? first;
  return [...rows, ...(await costs(quick, coldBuildMs, pgmap))];
}

async function atRandom(one: Case, pgmap: RunTool): Promise<Bisected> {
  // A bench that was stopped goes on with the place that was drawn.
  const drawn = join(dirname(record), `${one.mutant}.at`);
  const at = Number(await readFile(drawn, 'utf8').catch(() => draw()));
  await mkdir(dirname(record), { recursive: true });
  await writeFile(drawn, `${at}\n`);
  console.log(`${one.mutant}: fault at ${at}`);
  // A header in between makes each of them take minutes more: that is measured once, below.
  const history = await historyOf(one, at, { header: false, obstacles: true });
  // They show each time; how often a fault shows is measured below, too.
  const result = await bisectOne(one, history, at, pgmap, ['--rate', '1']);
  await appendFile(record, `${JSON.stringify(result)}\n`);
  await rm(drawn);
  return result;
}

const draw = (): number => faultPlaces[Math.floor(Math.random() * faultPlaces.length)] ?? 0;

/** Without a header and with one, without what does not build or boot; warm: the base was built before. */
async function costs(one: Case, coldBuildMs: number, pgmap: RunTool): Promise<string[][]> {
  const rows: string[][] = [];
  for (const header of [false, true]) {
    const at = draw();
    const history = await historyOf(one, at, { header, obstacles: false });
    await pgmap(['build', '--tree', history.tree, '--base', history.base]);
    const result = await bisectOne(one, history, at, pgmap);
    console.log(line(result));
    const { searched, least, kernels } = result.effort;
    if (!result.right) rows.push(['the culprit', result.answer, history.culprit]);
    const share = result.ms / (kernels * coldBuildMs);
    if (header)
      rows.push([
        'the same with a header changed, against cold builds at each step',
        `${formatDuration(result.ms)} = ${share.toFixed(2)} of ${kernels} x ${formatDuration(coldBuildMs)}`,
        '0.35',
      ]);
    else
      rows.push(
        ['kernels of a search beyond ceil(log2 64)', `${Math.max(0, searched - least)}`, '0'],
        ['a step of it, median', formatDuration(median(result.stepMs)), '25 s'],
        ['64 commits to the proved culprit', formatDuration(result.ms), '300 s'],
      );
  }
  return rows;
}

async function doneBefore(): Promise<Bisected[]> {
  const text = await readFile(record, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => JSON.parse(row) as Bisected);
}

const line = ({ mutant, at, right, answer, effort, ms, stepMs }: Bisected): string =>
  `${mutant}: fault at ${at}, ${right ? 'right' : `WRONG: ${answer}`}, ${effort.searched} kernels to search (${effort.least} at least), ${effort.kernels} in all, ${effort.runs} runs, ${formatDuration(ms)}, a step ${formatDuration(median(stepMs))}`;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
