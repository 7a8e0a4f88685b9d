// KASAN, KMSAN, KCSAN, KFENCE, UBSAN and kmemleak.
import { baseName } from '../frames.ts';
import { guiltyOf, inHeader, inTrace, named, ownName, where } from '../guilty.ts';
import { fn, type Pattern } from '../pattern.ts';

export const sanitizers: readonly Pattern[] = [
  {
    kind: 'KASAN',
    // `KASan` and `at addr` before 4.10.
    header: new RegExp(
      String.raw`^BUG: KAS[Aa][Nn]: ([\w -]+?)(?: in (?:${fn}|\S)| on address|\s*$)`,
    ),
    title: kasan,
    body: 'framed',
    part: 'cause',
  },
  {
    kind: 'KMSAN',
    header: new RegExp(String.raw`^BUG: KMSAN: ([\w -]+?)(?: in(?:\[<[ \w]+>\])? ${fn}|\s*$)`),
    title: inHeader((match) => `KMSAN: ${match[1] ?? ''}`, 2),
    body: 'framed',
  },
  {
    kind: 'KCSAN',
    header: /^BUG: KCSAN: ([\w: -]+?)(?: in (\S+)(?: \/ (\S+))?|\s*$)/,
    title: (match) => {
      const names = [match[2], match[3]].flatMap((name) =>
        name === undefined ? [] : [baseName(name.replace(/\+0x.*$/, ''))],
      );
      return where(`KCSAN: ${match[1]}`, names.join(' / '));
    },
    body: 'framed',
  },
  {
    kind: 'KFENCE',
    header: new RegExp(String.raw`^BUG: KFENCE: ([\w -]+?)(?: in ${fn}|\s*$)`),
    title: inHeader((match) => `KFENCE: ${match[1] ?? ''}`, 2),
    body: 'framed',
  },
  {
    kind: 'UBSAN',
    header: /^UBSAN: ([\w -]+?) in (\S+?)(?::\d+)*(?:\s|$)/,
    title: (match, lines) => where(`UBSAN: ${match[1]}`, guiltyOf(lines) ?? match[2]),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'LEAK',
    header: /^BUG: memory leak/,
    title: inTrace('memory leak'),
    body: 'trace',
  },
  {
    kind: 'LEAK',
    header: /^unreferenced object (?:\(percpu\) )?0x[0-9a-f]+ \(size \d+\):/,
    title: inTrace('memory leak'),
    body: 'trace',
    weak: true,
  },
  {
    kind: 'LEAK',
    header: /^kmemleak: \d+ new suspected memory leaks/,
    title: () => 'kmemleak: new suspected memory leaks',
    body: 'line',
  },
];

/** `KASAN: slab-use-after-free Read in foo`: the access stands on the line behind the header. */
function kasan(match: RegExpExecArray, lines: readonly string[]): string {
  const access = lines.slice(0, 8).find((line) => /^\s*(?:Read|Write|Free) (?:of|at) /.test(line));
  const word = access === undefined ? '' : ` ${access.trim().split(' ', 1)[0]}`;
  const type = match[1] ?? 'invalid-access';
  const text =
    word === ' Free' || type.includes('-free in') ? `KASAN: ${type}` : `KASAN: ${type}${word}`;
  return where(text, named(ownName(match, 2, lines), lines));
}
