// The bench's report: a row per mutant, then totals per memory type.
import { formatDuration } from '../../core/units.ts';
import { table } from '../../report/table.ts';
import type { Mutant } from './patch.ts';
import type { Evidence, Verdict } from './verdict.ts';

export interface Judged {
  readonly mutant: Pick<Mutant, 'name' | 'types'>;
  readonly verdict: Verdict;
}

export function benchReport(judged: readonly Judged[]): string {
  const rows = judged.map(({ mutant, verdict }) => [
    mutant.name,
    typesText(mutant.types),
    verdict.outcome,
    attribution(verdict),
    formatDuration(verdict.buildMs),
    formatDuration(verdict.testMs),
    evidenceText(verdict.by),
  ]);
  const head = ['mutant', 'type', 'verdict', 'right type', 'build', 'tests', 'by'];
  return `${table([head, ...rows])}\n${table([['type', 'mutants', 'caught', 'right type'], ...totals(judged)])}`;
}

/** The first two pieces of evidence, and how many more there are. */
export function evidenceText(by: readonly Evidence[]): string {
  const shown = by
    .slice(0, 2)
    .map(({ kind, job, what }) =>
      [kind === 'test' || kind === 'other' ? '' : `${kind}:`, job, short(what)]
        .filter((part) => part !== '')
        .join(' '),
    );
  return [...shown, ...(by.length > 2 ? [`${by.length - 2} more`] : [])].join('; ');
}

const short = (text: string): string => (text.length > 90 ? `${text.slice(0, 89)}…` : text);

const typesText = (types: readonly string[]): string =>
  types.length === 0 ? 'all' : types.map(shortType).join(' ');

const shortType = (type: string): string => type.replace(/^MEMORY_DEVICE_/, '');

function attribution({ rightType, exact, otherTypes }: Verdict): string {
  if (rightType === undefined) return '';
  const others = otherTypes.map(shortType).filter((type) => type !== 'DEVDAX');
  return `${rightType ? (exact === false ? 'among others' : 'yes') : 'no'}${others.length === 0 ? '' : `, also ${others.join(' ')}`}`;
}

/** A mutant of several types counts for each, and once in the last row. */
function totals(judged: readonly Judged[]): string[][] {
  const types = [...new Set(judged.flatMap(({ mutant }) => mutant.types))].sort();
  const row = (name: string, members: readonly Judged[]): string[] => [
    name,
    String(members.length),
    String(members.filter(({ verdict }) => verdict.outcome === 'caught').length),
    String(members.filter(({ verdict }) => verdict.rightType === true).length),
  ];
  const everywhere = judged.filter(({ mutant }) => mutant.types.length === 0);
  return [
    ...types.map((type) =>
      row(
        shortType(type),
        judged.filter(({ mutant }) => mutant.types.includes(type)),
      ),
    ),
    ...(everywhere.length === 0 ? [] : [row('all', everywhere)]),
    row('in total', judged),
  ];
}
