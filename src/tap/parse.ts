// (K)TAP text of a guest program in, test points out: ktap.ts normalises, tap-parser reads the strict TAP 14 of each
// level, rollup.ts judges. tap-parser's own counters and verdicts are never used: it calls an empty stream ok.
import { Parser, type Plan, type Result } from 'tap-parser';
import type { TestPoint } from '../core/event.ts';
import type { Status } from '../core/status.ts';
import type { Directive } from './directive.ts';
import { endMark, readKtap } from './ktap.ts';
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
    const document: Document = { parser, lines: 0, directive: undefined, note: '' };
    parser.on('plan', (plan: Plan) => {
      rollup.plan(depth, plan.end === 0 ? 0 : plan.end - plan.start + 1, skipOf(plan));
    });
    parser.on('assert', (result: Result) => {
      const { directive, note } = document;
      const name = result.name.endsWith(endMark) ? result.name.slice(0, -1) : result.name;
      rollup.point(depth, { ok: result.ok, id: result.id, name, directive, note });
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
    open: (depth, name) => {
      rollup.open(depth, name);
    },
    name: rollup.name,
    version(depth) {
      finish(depth);
      rollup.version(depth);
    },
    plan(depth, count, skip) {
      // A plan behind or between the results ends a TAP document; KTAP has it anywhere.
      if (rollup.begun(depth)) {
        finish(depth);
        rollup.plan(depth, count, skip);
        return;
      }
      documents.length = Math.min(documents.length, depth);
      const why = skip === undefined ? '' : ` # SKIP ${skip}`;
      documentAt(depth).parser.parse(`1..${count}${why}\n`);
    },
    point(depth, line, directive, note) {
      const document = documentAt(depth);
      document.directive = directive;
      document.note = note;
      document.parser.parse(`${line}\n`);
      // tap-parser waits for a YAML block; the live view must not, and rollup.ts takes YAML by itself.
      document.parser.emitResult();
      if (++document.lines % 1024 === 0) forget(document.parser);
    },
    bail(depth, line) {
      documentAt(depth).parser.parse(`${line}\n`);
      documents.length = Math.min(documents.length, depth);
    },
    totals: rollup.totals,
    comment: rollup.comment,
    yaml: rollup.yaml,
    close(depth) {
      finish(depth);
      rollup.close(depth);
    },
    problem: rollup.problem,
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
  lines: number;
  /** Of the point being parsed: TAP 14 has no words for them. */
  directive: Directive | undefined;
  note: string;
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
