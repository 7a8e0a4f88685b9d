// The patches of a series one by one, code that is only compiled, and how the interface changes: parts of the report that
// people read.
import { type PatchInfo, type PatchTests, repairedBy } from '../core/patch.ts';
import type { RunResult } from '../core/result.ts';
import type { Status } from '../core/status.ts';
import { clean, cut, wrap } from './escape.ts';
import { type Cell, type Palette, table } from './layout.ts';

const maxWarnings = 10;

/** A line per patch, and what the compiler says anew. */
export function patchLines({ patches = [] }: RunResult, paint: Palette, columns: number): string[] {
  const lines = table(
    patches.map((patch): Cell[] => [
      statusCell(statusOf(patch), paint),
      { text: `${patch.number}/${patch.of}`, right: true },
      { text: clean(patch.title, Math.max(24, columns - 58)) },
      { text: clean(imageOf(patch, patches), 48) },
      { text: clean(testsOf(patch), columns) },
    ]),
    columns,
  );
  return lines.flatMap((line, index) => [line, ...detailLines(patches[index], paint, columns)]);
}

/** The worse of what building and testing it came to. */
function statusOf({ build, tests }: PatchInfo): Status {
  if (build !== 'PASS' || tests === undefined) return build;
  return tests.worse.length > 0 ? 'FAIL' : isOld(tests) ? 'PASS' : tests.status;
}

/** It was compared, and what FAILs there does so on the base too. */
const isOld = (tests: PatchTests): boolean =>
  tests.status === 'FAIL' && tests.worse.length === 0 && tests.folder !== undefined;

function imageOf(patch: PatchInfo, patches: readonly PatchInfo[]): string {
  if (patch.build === 'PASS') {
    const same = patch.sameAs === 0 ? 'the base' : `patch ${patch.sameAs ?? ''}`;
    return patch.image === 'same' ? `same kernel as ${same}` : 'builds';
  }
  const mended = repairedBy(patches, patch);
  return `does not build${mended === undefined ? '' : ` (repaired by patch ${mended.number})`}`;
}

function testsOf({ tests }: PatchInfo): string {
  if (tests === undefined) return '';
  return isOld(tests) ? `${tests.what}; nothing is worse than on the base` : tests.what;
}

function detailLines(patch: PatchInfo | undefined, paint: Palette, columns: number): string[] {
  if (patch === undefined) return [];
  const { failure, newWarnings, fixedWarnings, otherWarnings, tests } = patch;
  return [
    ...(failure === undefined ? [] : [failure.title]),
    ...(tests?.worse ?? []).map((path) => `worse than the base: ${path}`),
    ...some('new warning', newWarnings),
    ...some('mended warning', fixedWarnings),
    ...some('warning, new or not', otherWarnings),
  ].map((text) => paint.dim(`           ${clean(text, columns - 11)}`));
}

const some = (what: string, list: readonly string[]): string[] => [
  ...list.slice(0, maxWarnings).map((one) => `${what}: ${one}`),
  ...(list.length > maxWarnings ? [`${what}: ${list.length - maxWarnings} more`] : []),
];

/** Users that the configuration leaves out: those that compile in one line, the others with the reason. */
export function callerLines({ callers }: RunResult, paint: Palette, columns: number): string[] {
  if (callers === undefined) return [];
  const good = callers.filter((caller) => caller.status === 'PASS').map((caller) => caller.file);
  return [
    ...(good.length === 0
      ? []
      : wrap(`callers that compile: ${good.join(', ')}`.slice(0, 4000), columns - 2).map(
          (line, index) => cut(`${index === 0 ? '' : '  '}${line}`, columns),
        )),
    ...callers
      .filter((caller) => caller.status !== 'PASS')
      .flatMap(({ file, status, reason }) =>
        wrap(`${file}: ${reason ?? ''}`.slice(0, 1000), columns - 9).map((line, index) => {
          const mark = index === 0 ? paint.status(status, status.padEnd(5)) : ' '.repeat(5);
          return `${mark}  ${index === 0 ? '' : '  '}${cut(line, columns - 9)}`;
        }),
      ),
    ...(callers.length === 0 ? ['callers: there are no others'] : []),
  ];
}

export const layoutLines = ({ layout = [] }: RunResult, columns: number): string[] =>
  layout.slice(0, 60).map((line) => clean(line, columns));

const statusCell = (status: Status, paint: Palette): Cell => ({
  text: status.padEnd(5),
  paint: (text) => paint.status(status, text),
});
