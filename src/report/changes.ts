// What the series changed, in words: what broke, in which patch, how sure that is, and the command that shows it again.
import { type Change, type ChangeKind, isLost, isWorse, type Rate } from '../core/change.ts';
import type { RunResult } from '../core/result.ts';
import type { Status } from '../core/status.ts';
import { clean, visible } from './escape.ts';
import { type Palette, palette } from './layout.ts';

type Compared = Pick<RunResult, 'changes' | 'baseline'>;

/** The section of the report; what matters most stands last. Empty if nothing was compared and nothing is known. */
export function changeLines(result: Compared, paint: Palette, columns: number): string[] {
  if (result.changes.length === 0) return [];
  const status = result.changes.some(isWorse) ? 'FAIL' : 'PASS';
  const title = `changed against ${againstWhat(result)}: ${summary(result.changes)}`;
  const lines = [`${paint.status(status, '==')} ${paint.bold(clean(title, columns - 3))}`];
  for (const { kind, most } of order) {
    const groups = together(result.changes.filter((change) => change.kind === kind));
    if (groups.length > most) lines.push(`  ${groups.length - most} more: ${kind}`);
    for (const group of groups.slice(0, most).toReversed())
      lines.push(...groupText(group, paint, columns));
  }
  return lines;
}

/** Of two runs, as a report of its own. */
export const comparison = (
  result: Compared & Pick<RunResult, 'notes'>,
  options: { readonly color: boolean; readonly width: number },
): string =>
  [
    ...(result.changes.length === 0 ? [`nothing changed against ${againstWhat(result)}`] : []),
    ...changeLines(result, palette(options.color), Math.max(72, options.width)),
    ...result.notes.map((note) => `note: ${clean(note, 1000)}`),
    '',
  ].join('\n');

/** The same as a table of GitHub's markdown. */
export function comparisonMarkdown(result: Compared & Pick<RunResult, 'notes'>): string {
  const rows = result.changes.map((change) => [
    change.kind,
    nameOf(change),
    transition(change),
    [...remarks(change), ...(change.reproduce === undefined ? [] : [change.reproduce])].join('; '),
  ]);
  return [
    `**${cell(`Changed against ${againstWhat(result)}: ${summary(result.changes) || 'nothing'}`)}**`,
    '',
    ...(rows.length === 0 ? [] : ['| change | what | was → is | |', '|---|---|---|---|']),
    ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
    ...(result.notes.length === 0 ? [] : ['', ...result.notes.map((note) => `- ${cell(note)}`)]),
    '',
  ].join('\n');
}

/** For the verdict line: what got worse and where, or that nothing did; undefined if nothing was compared. */
export function changeVerdict(result: Compared): string | undefined {
  const { changes, baseline } = result;
  const worse = changes.filter(isWorse);
  const [first] = worse;
  if (first !== undefined) {
    const more = worse.length === 1 ? '' : `; ${worse.length - 1} more`;
    const { number, upTo, of, title } = first.patch ?? {};
    const patch =
      number === undefined || first.patch?.of === 1
        ? ''
        : upTo === undefined
          ? ` in patch ${number}/${of} '${title}'`
          : ` in one of patches ${number} to ${upTo} of ${of}`;
    return `${first.kind === 'new' ? 'new failure' : 'regression'}${patch}: ${nameOf(first)}${more}`;
  }
  if (baseline?.built === false) return 'its base does not build';
  const against = againstWhat(result);
  const lost = changes.filter(isLost).length;
  if (lost > 0)
    return `${count(lost, 'result')} lost that ${against} has: nothing is known of them`;
  if (baseline === undefined)
    return changes.some(({ kind }) => kind === 'known') ? 'what FAILs is known' : undefined;
  const rest = summary(changes.filter(({ kind }) => kind === 'known' || kind === 'flaky'));
  return `nothing is worse than ${against}${rest === '' ? '' : ` (${rest})`}`;
}

/** One line for machine formats: `regression: PASS -> FAIL, first bad patch 2/3 '…'`. */
export const changeRemark = (change: Change): string =>
  [`${change.kind}: ${transition(change)}`, ...remarks(change)].join(', ');

/** Kinds from the least important on, and how many of each are shown. */
const order: readonly { readonly kind: ChangeKind; readonly most: number }[] = [
  { kind: 'known', most: 12 },
  { kind: 'fix', most: 12 },
  { kind: 'new', most: 20 },
  { kind: 'gone', most: 20 },
  { kind: 'flaky', most: 20 },
  { kind: 'regression', most: 30 },
];

const shade: Readonly<Record<ChangeKind, Status>> = {
  regression: 'FAIL',
  flaky: 'MISS',
  gone: 'MISS',
  new: 'PASS',
  fix: 'PASS',
  known: 'SKIP',
};

/** Cases of one test that went the same way are told together. */
function together(changes: readonly Change[]): Change[][] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const { path, job, was, is, rate, patch, reproduce } = change;
    const key = JSON.stringify([path.slice(0, 2), job, was, is, rate, patch, reproduce]);
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return [...groups.values()];
}

const mostCases = 6;

function groupText(group: readonly Change[], paint: Palette, columns: number): string[] {
  const [change] = group;
  if (change === undefined) return [];
  const word = change.kind.padEnd(10);
  const status = isWorse(change) ? 'FAIL' : shade[change.kind];
  const indent = ' '.repeat(13);
  const { reason: _, ...common } = change;
  const alone = group.length === 1;
  const name = nameOf(alone ? change : { ...change, path: change.path.slice(0, 2) });
  const cases = group.map(
    ({ path, reason }) =>
      `${path.slice(2).join(' > ') || 'as a whole'}${reason === undefined ? '' : `: ${reason}`}`,
  );
  const texts = alone
    ? remarks(change)
    : [
        ...cases.slice(0, mostCases),
        ...(cases.length > mostCases ? [`${cases.length - mostCases} more of its results`] : []),
        ...remarks(common),
      ];
  const went = `  ${alone ? '' : `${group.length} results `}${transition(change)}`;
  return [
    `  ${paint.status(status, word)} ${clean(name, columns - 13 - went.length)}${went}`,
    ...texts.map((text) => `${indent}${clean(text, columns - 13)}`),
    ...(change.reproduce === undefined || shade[change.kind] === 'PASS' || change.kind === 'known'
      ? []
      : [`${indent}${paint.dim('again:')} ${visible(commandOf(change))}`]),
  ];
}

/** What comes and goes needs patience. */
const commandOf = ({ kind, reproduce = '' }: Change): string =>
  kind === 'flaky' ? `${reproduce} --until-fail --repeat 20` : reproduce;

function remarks(change: Change): string[] {
  const { rate, reason, link, during } = change;
  return [
    ...(change.patch === undefined ? [] : [patchText(change).slice(2)]),
    ...(rate === undefined ? [] : [rateText(rate)]),
    ...(during === undefined || during.length === 0 ? [] : [`during ${during.join(', ')}`]),
    ...(reason === undefined ? [] : [reason]),
    ...(link === undefined ? [] : [link]),
  ];
}

function patchText({ patch }: Change): string {
  if (patch === undefined) return '';
  const { number, upTo, of, title } = patch;
  return upTo === undefined
    ? `, first bad patch: ${number}/${of} '${title}'`
    : `, first bad patch: one of ${number}/${of} '${title}' to ${upTo}/${of}, which cannot be told apart`;
}

const rateText = ({ is, was }: { readonly is: Rate; readonly was?: Rate }): string =>
  `bad in ${is.bad} of ${count(is.of, 'run')}${was === undefined ? '' : `, on the base in ${was.bad} of ${was.of}`}`;

function nameOf({ path, job }: Change): string {
  const place = job?.split('@')[1];
  return `${path.join(' > ')}${place === undefined ? '' : ` (${place})`}`;
}

const transition = ({ was, is }: Change): string => `${was ?? 'nothing'} -> ${is ?? 'nothing'}`;

const againstWhat = ({ baseline }: Compared): string =>
  baseline === undefined
    ? 'what is known'
    : baseline.kind === 'base'
      ? 'the base'
      : `run ${baseline.id}`;

/** `1 regression, 2 fixes`, the worst first. */
function summary(changes: readonly Change[]): string {
  const words = order.toReversed().flatMap(({ kind }) => {
    const many = changes.filter((change) => change.kind === kind).length;
    const plural = kind === 'regression' ? 's' : kind === 'fix' ? 'es' : '';
    return many === 0 ? [] : [`${many} ${kind}${many === 1 ? '' : plural}`];
  });
  return words.join(', ');
}

const cell = (text: string): string => clean(text, 2000).replaceAll(/[|\\`*_<>[\]]/g, '\\$&');

const count = (many: number, word: string): string => `${many} ${word}${many === 1 ? '' : 's'}`;
