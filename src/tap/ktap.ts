// What kernel tests really print (KTAP, KUnit, kselftest, TAP 13/14, mixed and prefixed) as plans and points, one flat
// document per level: @see Documentation/dev-tools/ktap.rst. Nothing here judges; see rollup.ts for what a line means.
import { limits } from '../core/limits.ts';
import { splitDirective, type Directive } from './directive.ts';
import { cutStamp, sameStamp, type Stamp } from './stamp.ts';
import { splitLines } from './text.ts';

/** Deepest nesting followed. */
const maxDepth = limits.depth;

/** Counts of a `# Totals:` or `# name: pass:…` line, by the line's own words. */
export type Counts = ReadonlyMap<string, number>;

/** A result line in its parts. */
export interface KtapPoint {
  readonly ok: boolean;
  /** 0 if the line has no number. */
  readonly id: number;
  /** As meant: `\\#` is `#`. */
  readonly name: string;
  readonly directive: Directive | undefined;
  /** Diagnostic data behind a `#` that is no directive, or ''. */
  readonly note: string;
}

/** Receives the levels. `depth` 0 is the stream itself; a level's lines come between its open and its close. */
export interface KtapSink {
  open(depth: number, name: string | undefined): void;
  /** The level's `# Subtest:` line, which stands inside of it. `first`: nothing else has begun the level. */
  name(depth: number, name: string, first: boolean): void;
  /** A version line where the level was open already: another document begins if this one has begun. */
  version(depth: number): void;
  plan(depth: number, count: number, skip: string | undefined): void;
  point(depth: number, point: KtapPoint): void;
  bail(depth: number, reason: string): void;
  /** `title` is `Totals` or the name of a KUnit suite. `depth` is -1 if no open level has this prefix. */
  totals(depth: number, title: string, counts: Counts): void;
  /** A line that is no TAP, without its nesting prefix. */
  comment(text: string): void;
  /** A line of the YAML block behind the last point. */
  yaml(text: string): void;
  close(depth: number): void;
  problem(text: string): void;
}

export interface KtapReader {
  write(chunk: Uint8Array | string): void;
  end(): void;
}

interface Level {
  /** What stands before each line of the level: `# ` per kselftest nesting, then spaces. */
  readonly prefix: string;
  /** Neither plan nor point yet. */
  fresh: boolean;
  /** What the next child is called, from `# selftests: dir: program` or a TAP 14 `# Subtest:`. */
  wrapped: string | undefined;
  announced: string | undefined;
}

const versionLine = /^K?TAP version \d{1,4}\s*$/;
const planLine = /^(\d{1,10})\.\.(\d{1,10})\s*(?:#\s*(.*))?$/;
const pointLine =
  /^(not )?ok(?:\s+(\d{1,10})(?![^\s])(?:\s+-(?=\s|$))?|\s+-(?=\s|$)|(?<=not ok)(?=\s|$))(.*)$/;
const bailLine = /^Bail out!\s*(.*)$/i;
const skipWord = /^skip\w*[:,]?\s*(.*)$/i;
const countWord = /\b(pass|fail|xfail|xpass|skip|error|total):(\d{1,9})\b/g;
const tornBy = /\[ {0,9}\d{1,9}\.\d{6}\]/;

/** Reads raw text in chunks of any size and hands its levels to `sink`. Never throws on input. */
export function readKtap(sink: KtapSink): KtapReader {
  const levels: Level[] = [newLevel('')];
  let stamp: Stamp | undefined;
  let lines = 0;
  let yamlIndent: string | undefined;
  /** Prefix of the last point, while a YAML block may still follow. */
  let pointPrefix: string | undefined;

  const splitter = splitLines({
    line,
    tooLong: () => sink.problem('a line is longer than 64 KiB and was cut'),
  });
  sink.open(0, undefined);

  function line(raw: string, terminated: boolean): void {
    lines++;
    const cut = cutStamp(raw, stamp);
    const own = cut?.own ?? 'bare';
    const text = cut?.text ?? raw;
    if (yamlIndent !== undefined && yamlContinues(text)) return;
    structure(text, own, terminated);
  }

  function structure(text: string, own: Stamp, terminated: boolean): void {
    const before = pointPrefix;
    pointPrefix = undefined;
    let at = 0;
    let hash = -1;
    let wraps = 0;
    let code = text.charCodeAt(0);
    for (;;) {
      while (code === 32 || code === 9) code = text.charCodeAt(++at);
      if (code !== 35 || text.charCodeAt(at + 1) !== 32 || wraps === maxDepth) break;
      hash = at;
      wraps++;
      at += 2;
      code = text.charCodeAt(at);
    }
    const starts =
      code === 111 || code === 110 || (code >= 48 && code <= 57) || code === 84 || code === 75;
    if ((starts || code === 66 || code === 98) && token(text, at, hash, own, terminated)) return;
    if (code === 45 && hash === -1 && yamlBegins(text, at, before)) return;
    if (code === 35 && text.charCodeAt(at + 1) !== 32) hash = at;
    if (hash === -1) sink.comment(text);
    else comment(text, hash, own);
  }

  /** True if a line of TAP begins at `at`. */
  function token(text: string, at: number, hash: number, own: Stamp, terminated: boolean): boolean {
    const prefix = prefixOf(text, at);
    if (prefix === undefined) return false;
    const body = text.slice(at);
    const code = body.charCodeAt(0);
    if (code === 84 || code === 75) return versionLine.test(body) && version(prefix, own);
    if (code === 66 || code === 98) {
      const bail = bailLine.exec(body);
      if (bail === null || !belongs(prefix, own, hash, 'other')) return false;
      const depth = enter(prefix);
      sink.bail(depth, bail[1] ?? '');
      return true;
    }
    if (code >= 48 && code <= 57) {
      const plan = planLine.exec(body);
      if (plan === null || !belongs(prefix, own, hash, 'opener')) return false;
      const depth = enter(prefix);
      const level = levels[depth];
      if (level !== undefined) level.fresh = false;
      const count = Math.max(0, Number(plan[2]) - Math.max(1, Number(plan[1])) + 1);
      const why = skipWord.exec(plan[3] ?? '')?.[1];
      sink.plan(depth, count, why === undefined ? undefined : why.trim());
      return true;
    }
    const point = pointLine.exec(body);
    if (point === null) return false;
    if (!belongs(prefix, own, hash, point[1] === undefined ? 'other' : 'opener')) return false;
    const depth = enter(prefix);
    const level = levels[depth];
    if (level !== undefined) {
      level.fresh = false;
      level.wrapped = undefined;
      level.announced = undefined;
    }
    let rest = point[3] ?? '';
    if (own === 'bare' && rest.includes('[')) {
      const torn = tornBy.exec(rest);
      if (torn !== null) {
        rest = rest.slice(0, torn.index);
        sink.problem(`a result line is torn by a kernel message: ${body.slice(0, 80)}`);
      }
    }
    if (!terminated && rest.includes(' #'))
      sink.problem('the stream ends in the middle of a result line');
    const parts = splitDirective(rest);
    const wrong = parts.directive?.name === 'TIMEOUT' || parts.directive?.name === 'ERROR';
    sink.point(depth, {
      ok: point[1] === undefined && !wrong,
      id: Number(point[2] ?? 0),
      name: parts.name,
      directive: parts.directive,
      note: parts.note,
    });
    pointPrefix = prefix;
    return true;
  }

  /** What stands before `at`; undefined if it is no nesting: no format nests by one space, and one is chatter. */
  function prefixOf(text: string, at: number): string | undefined {
    // Most lines are of the level of the line before.
    const top = levels.at(-1)?.prefix ?? '';
    if (top.length === at && text.startsWith(top)) return top;
    const prefix = text.slice(0, at).replaceAll('\t', '    ');
    if (/(?:^|[^ ]) $/.test(prefix) && !prefix.endsWith('# ')) return undefined;
    return prefix.endsWith('#  ') ? undefined : prefix;
  }

  function version(prefix: string, own: Stamp): boolean {
    if (stamp !== undefined && !sameStamp(stamp, own)) closeTo(0);
    stamp = own;
    const existed = levels.some((level) => level.prefix === prefix);
    const depth = enter(prefix);
    const level = levels[depth];
    if (level !== undefined) level.fresh = true;
    if (existed) sink.version(depth);
    return true;
  }

  /** Whether a line of TAP is meant as one: comments that merely look like it are not. */
  function belongs(prefix: string, own: Stamp, hash: number, kind: 'opener' | 'other'): boolean {
    if (stamp === undefined) stamp = own;
    else if (!sameStamp(stamp, own)) return false;
    if (hash === -1) return true;
    const outer = enclosing(prefix);
    const more = prefix.slice(outer.prefix.length);
    const hashes = more.split('#').length - 1;
    if (hashes === 0 || kind === 'opener') return true;
    return hashes === 1 && outer.wrapped !== undefined;
  }

  /** The deepest open level whose prefix the given one continues. */
  function enclosing(prefix: string): Level {
    const found = levels.findLast((level) => prefix.startsWith(level.prefix));
    return found ?? newLevel('');
  }

  /** Closes what is deeper, opens the level if there is none yet. Returns its depth. */
  function enter(prefix: string): number {
    let top = levels.at(-1);
    if (top?.prefix === prefix) return levels.length - 1;
    let keep = levels.length - 1;
    while (keep > 0 && !prefix.startsWith(levels[keep]?.prefix ?? '')) keep--;
    closeTo(keep);
    top = levels[keep];
    if (top === undefined || top.prefix === prefix) return keep;
    if (levels.length > maxDepth) {
      sink.problem(`levels are nested deeper than ${maxDepth}`);
      return keep;
    }
    const name = prefix.slice(top.prefix.length).startsWith('#') ? top.wrapped : top.announced;
    levels.push(newLevel(prefix));
    sink.open(keep + 1, name ?? top.announced);
    return keep + 1;
  }

  function closeTo(depth: number): void {
    while (levels.length - 1 > depth) {
      levels.pop();
      sink.close(levels.length);
    }
  }

  /** A line with a `#` at `hash` that wraps no TAP. */
  function comment(text: string, hash: number, own: Stamp): void {
    const body = text.slice(hash);
    const code = body.charCodeAt(2);
    const known = stamp === undefined || sameStamp(stamp, own);
    if (known && code === 83 && body.startsWith('# Subtest: ')) {
      subtest(text.slice(0, hash).replaceAll('\t', '    '), body.slice(11).trim());
      return;
    }
    if (known && code === 115 && body.startsWith('# selftests: ')) {
      const depth = levels.findLastIndex((one) => one.prefix === text.slice(0, hash));
      const level = levels[depth];
      if (level === undefined) return;
      closeTo(depth);
      level.wrapped = body.slice(2).trim();
      return;
    }
    if (known && body.length < 400 && body.includes(': pass:')) {
      const title = body.slice(2, body.indexOf(': pass:'));
      const counts = new Map<string, number>();
      for (const match of body.matchAll(countWord)) counts.set(match[1] ?? '', Number(match[2]));
      const prefix = text.slice(0, hash).replaceAll('\t', '    ');
      sink.totals(
        levels.findLastIndex((one) => one.prefix === prefix),
        title.trim(),
        counts,
      );
      return;
    }
    sink.comment(
      code === 32 || code !== code ? body.slice(1) : body.slice(body.startsWith('# ') ? 2 : 1),
    );
  }

  function subtest(prefix: string, name: string): void {
    const depth = levels.findLastIndex((level) => level.prefix === prefix);
    const level = levels[depth];
    if (level === undefined) {
      if (prefix.slice(enclosing(prefix).prefix.length).includes('#')) return;
      sink.name(enter(prefix), name, true);
    } else if (depth > 0 && level.fresh && depth === levels.length - 1)
      sink.name(depth, name, false);
    else level.announced = name;
  }

  function yamlBegins(text: string, at: number, before: string | undefined): boolean {
    if (before === undefined || at <= before.length || text.trim() !== '---') return false;
    if (!text.startsWith(before)) return false;
    yamlIndent = text.slice(0, at);
    return true;
  }

  function yamlContinues(text: string): boolean {
    if (yamlIndent === undefined || !text.startsWith(yamlIndent)) {
      yamlIndent = undefined;
      return false;
    }
    const body = text.slice(yamlIndent.length);
    if (body.trim() === '...') yamlIndent = undefined;
    else sink.yaml(body);
    return true;
  }

  return {
    write: (chunk) => splitter.write(chunk),
    end() {
      splitter.end();
      closeTo(0);
      sink.close(0);
      if (lines === 0) sink.problem('the stream is empty');
    },
  };
}

function newLevel(prefix: string): Level {
  return { prefix, fresh: true, wrapped: undefined, announced: undefined };
}
