// (K)TAP text of a guest program in, test points out: ktap.ts reads lines and levels, tap-parser the strict TAP 14 that
// each level then is, rollup.ts judges. tap-parser's own counters and verdicts are never used: it calls an empty stream ok.
import { lineTypes, Parser, type Plan, type Result } from 'tap-parser';
import type { TestPoint } from '../core/event.ts';
import type { Status } from '../core/status.ts';
import { type KtapPoint, readKtap } from './ktap.ts';
import { newRollup } from './rollup.ts';

/** What a whole stream came to. */
export interface TapEnd {
  /** Worst of all points; at least ERROR when there is a problem. Of a stream that only skips: SKIP. */
  readonly status: Status;
  /** What is wrong with the stream itself, one line each. */
  readonly problems: readonly string[];
  /** Set when the stream said that nothing is to be run: `1..0 # SKIP reason`. */
  readonly plan?: { readonly skipAll?: string };
  /** How many points were handed out. */
  readonly points: number;
}

export interface TapReader {
  /** Takes chunks of any size; bytes that are no UTF-8 are made visible. Never throws on input. */
  write(chunk: Uint8Array | string): void;
  /** Must be called once: what was promised and never came is handed out here. */
  end(): TapEnd;
}

/**
 * Reads a stream live. `onPoint` gets each point when it is known, a parent after its children. Paths begin inside of
 * the stream: callers put the suite's name in front. Points never reported come as MISS.
 */
export function parseTap(
  onPoint: (point: TestPoint) => void,
  limits: { readonly maxPoints?: number } = {},
): TapReader {
  const rollup = newRollup(onPoint, limits.maxPoints);
  const documents: Document[] = [];

  function documentAt(depth: number): Document {
    return (documents[depth] ??= openDocument(depth));
  }

  function openDocument(depth: number): Document {
    const parser = new Parser({ strict: true });
    const document: Document = { parser, lines: 0, point: undefined };
    parser.on('plan', (plan: Plan) => {
      rollup.plan(depth, plan.end === 0 ? 0 : plan.end - plan.start + 1, skipOf(plan));
    });
    parser.on('assert', ({ ok, id }: Result) => {
      const { name, directive, note } = document.point ?? nameless;
      rollup.point(depth, { ok, id, name, directive, note });
    });
    parser.on('bailout', (reason: string) => {
      rollup.bail(depth, reason);
    });
    parser.parse('TAP version 14\n');
    return document;
  }

  function finish(depth: number): void {
    const parser = documents[depth]?.parser;
    // An ending parser makes up a plan if it has none.
    parser?.removeAllListeners();
    parser?.end();
    documents.length = Math.min(documents.length, depth);
  }

  const reader = readKtap({
    ...rollup,
    version(depth) {
      finish(depth);
      rollup.version(depth);
    },
    plan(depth, count, skip) {
      // A plan behind or between the results ends a TAP document; KTAP has it anywhere.
      if (documents[depth]?.point !== undefined) {
        finish(depth);
        rollup.plan(depth, count, skip);
        return;
      }
      documents.length = Math.min(documents.length, depth);
      const why = skip === undefined ? '' : ` # SKIP ${skip}`;
      documentAt(depth).parser.parse(`1..${count}${why}\n`);
    },
    point(depth, point) {
      const document = documentAt(depth);
      document.point = point;
      const line = lineOf(point);
      // What kind of line it is is known: tap-parser would try all kinds, each time.
      const match = lineTypes.testPoint.exec(line);
      if (match === null) throw new Error(`tap-parser does not know a result line: ${line}`);
      document.parser.parseTestPoint(match, line);
      // tap-parser waits for a YAML block; the live view must not, and rollup.ts takes YAML by itself.
      document.parser.emitResult();
      if (++document.lines % 1024 === 0) forget(document.parser);
    },
    bail(depth, reason) {
      documentAt(depth).parser.parse(`${`Bail out! ${escape(reason)}`.trimEnd()}\n`);
      documents.length = Math.min(documents.length, depth);
    },
    close(depth) {
      finish(depth);
      rollup.close(depth);
    },
  });

  return {
    write: (chunk) => {
      reader.write(chunk);
    },
    end() {
      reader.end();
      const { skipAll, ...end } = rollup.end();
      return skipAll === undefined ? end : { ...end, plan: { skipAll } };
    },
  };
}

interface Document {
  readonly parser: Parser;
  /** How many results it has parsed. */
  lines: number;
  /** The last result; undefined if it has not begun to report. */
  point: KtapPoint | undefined;
}

const nameless = { name: '', directive: undefined, note: '' } as const;

/**
 * A point as strict TAP 14 writes it. Name and directive are known by now, and TAP 14 has no words for some of KTAP's: to
 * escape, parse and unescape them again takes a third of the time that a result line takes.
 */
function lineOf({ ok, id }: KtapPoint): string {
  return `${ok ? 'ok' : 'not ok'}${id === 0 ? '' : ` ${id}`}\n`;
}

/** As TAP 14 wants a reason. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('#', String.raw`\#`);
}

function skipOf(plan: Plan): string | undefined {
  const match = /^skip\s*(.*)$/i.exec(plan.comment);
  return match === null ? undefined : (match[1] ?? '');
}

/** tap-parser keeps every result for counters that are not used here: a gigabyte of them must fit in memory. */
function forget(parser: Parser): void {
  parser.pointsSeen.clear();
  parser.failures.length = 0;
  parser.skips.length = 0;
  parser.todos.length = 0;
}
