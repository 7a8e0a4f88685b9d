// What the lines of a stream add up to: names, plans, numbers, totals, and one status. A group is as bad as its worst
// member and its own line; whatever was promised and not seen is reported, never assumed.
import type { TestPoint } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import { worst, type Status } from '../core/status.ts';
import type { Directive } from './directive.ts';
import { type Group, join, type Level, newDoc, newGroup } from './group.ts';
import { newOutlet } from './outlet.ts';
import { addTally, differs, ownStatus, parentVerdict, type ResultLine } from './verdict.ts';

/** Missing points named one by one in each level; the rest comes as one range. */
const maxMissing = 1000;
const maxProblems = 50;

export interface RollupEnd {
  readonly status: Status;
  readonly problems: readonly string[];
  readonly skipAll?: string;
  readonly points: number;
}

/** The verdict half of the parser. Calls `onPoint` for every point as soon as it is known. */
export function newRollup(
  onPoint: (point: TestPoint) => void,
  mostPoints: number = limits.resultsPerStream,
) {
  const levels: Level[] = [];
  const problems: string[] = [];
  let unsaid = 0;
  let points = 0;
  let dead = false;
  const outlet = newOutlet(levels, onPoint, () => {
    dead = true;
    problem('too many names to keep: the rest was not read');
  });

  function open(depth: number, title: string | undefined): void {
    outlet.flush();
    const parent = levels[depth - 1];
    const pending = parent?.pending;
    let group: Group;
    if (pending !== undefined && (title === undefined || pending.title === title)) {
      group = pending;
      if (parent !== undefined) parent.pending = undefined;
    } else {
      if (parent !== undefined) orphan(depth - 1);
      group = newGroup();
      if (title !== undefined && parent !== undefined) outlet.label(group, depth - 1, title);
    }
    levels.length = depth;
    levels.push({ group, doc: newDoc(), pending: undefined });
  }

  function name(depth: number, title: string, first: boolean): void {
    outlet.flush();
    const level = levels[depth];
    if (level === undefined || depth === 0) return;
    if (level.group.title !== title) {
      if (level.group.title === undefined && level.group.members === 0) {
        outlet.label(level.group, depth - 1, title);
      } else {
        // The parent line of the group before this one never came.
        close(depth);
        open(depth, title);
      }
    }
    const group = levels[depth]?.group;
    if (group === undefined) return;
    group.kunit = true;
    group.headOnly = first && group.members === 0;
  }

  function version(depth: number): void {
    const doc = levels[depth]?.doc;
    if (doc === undefined) return;
    if (doc.planned !== undefined || doc.numbers.count > 0 || doc.bailed) restart(depth);
  }

  /** `1..count`; with `skip`, a reason why there is nothing to run. */
  function plan(depth: number, count: number, skip: string | undefined): void {
    outlet.flush();
    const level = levels[depth];
    if (level === undefined || dead) return;
    if (level.doc.planned !== undefined && level.doc.numbers.count === 0) {
      if (level.doc.planned !== count)
        problem(`two plans, 1..${level.doc.planned} and 1..${count}`);
      return;
    }
    if (level.doc.planned !== undefined) restart(depth);
    const doc = level.doc;
    doc.planned = count;
    level.group.headOnly = false;
    if (count > 0) return;
    if (skip === undefined) note(level, depth, 'a plan of no tests, without a reason');
    else level.group.skipAll ??= skip;
  }

  function addPoint(depth: number, result: ResultLine): void {
    outlet.flush();
    const level = levels[depth];
    if (level === undefined || dead) return;
    if (isFull()) return;
    // One number after all were seen once is the next stream of several.
    if (result.id === 1 && level.doc.numbers.has(1)) restart(depth);
    const doc = level.doc;
    const id = result.id === 0 ? doc.numbers.max + 1 : result.id;
    const trouble = doc.numbers.add(id);
    if (trouble !== undefined) note(level, depth, trouble);
    const title = result.name === '' ? `#${id}` : result.name;
    const own = ownStatus(result);
    doc.tally[own.word]++;
    level.group.own[own.word]++;

    const pending = level.pending;
    level.pending = undefined;
    const notes = result.note === '' ? own.notes : [...own.notes, result.note];
    if (pending?.kunit !== true) doc.suites = false;
    if (pending === undefined) {
      level.group.leaves[own.word]++;
      emit(
        depth,
        pointOf(outlet.unique(level.group, title), own.status, result.directive, notes),
        true,
      );
      return;
    }
    const path = outlet.adopt(pending, depth, title);
    if (pending.headOnly && pending.members === 0) level.group.leaves[own.word]++;
    else addTally(level.group.leaves, pending.leaves);
    const verdict = parentVerdict(pending, own.status);
    if (own.status === 'SKIP' || own.status === 'PASS')
      if (pending.status === 'FAIL')
        problem(`'${title}' says ${own.status}, but a test in it failed`);
    if (verdict === undefined) outlet.forgetComments();
    else {
      const directive =
        result.directive ??
        (verdict === 'SKIP'
          ? ({ name: 'SKIP', reason: pending.skipAll ?? '' } as const)
          : undefined);
      emit(depth, pointOf(path, verdict, directive, [...pending.notes, ...notes]), true);
    }
    absorb(level.group, pending);
  }

  /** What was promised and never came counts, too: a few bytes can promise a thousand results. */
  function isFull(): boolean {
    if (points < mostPoints) return false;
    dead = true;
    problem(`more than ${mostPoints} test points: the rest was not read`);
    return true;
  }

  function bail(depth: number, reason: string): void {
    outlet.flush();
    const level = levels[depth];
    if (level === undefined || level.doc.bailed) return;
    level.doc.bailed = true;
    note(level, depth, reason === '' ? 'Bail out!' : `Bail out! ${reason}`);
  }

  function totals(depth: number, title: string, counts: ReadonlyMap<string, number>): void {
    const level = levels[depth];
    const kunit = counts.has('total');
    if (level === undefined) {
      const sum = [...counts.values()].reduce((one, other) => one + other, 0);
      if (title === 'Totals' && sum > 0) problem('totals of tests whose results were not seen');
      return;
    }
    if (!kunit) {
      if (title !== 'Totals') return;
      const wrong = differs(level.doc.tally, counts);
      if (wrong === '') level.doc.totalsMatch = true;
      else note(level, depth, `totals disagree with the results: ${wrong}`);
      return;
    }
    const child = levels[depth + 1]?.group ?? level.pending;
    const group = child ?? level.group;
    if (title !== 'Totals' && (child === undefined || child.title !== title)) return;
    const wrong = differs(title === 'Totals' ? group.leaves : group.own, counts);
    if (wrong !== '') group.notes.push(`totals disagree with the results: ${wrong}`);
    if (wrong !== '' && child === undefined && depth === 0)
      problem(`totals disagree with the results: ${wrong}`);
    if (wrong === '' && child === undefined) level.doc.totalsMatch = true;
  }

  function close(depth: number): void {
    outlet.flush();
    const level = levels[depth];
    if (level === undefined) return;
    orphan(depth);
    finishDoc(depth);
    levels.length = depth;
    const parent = levels[depth - 1];
    if (parent !== undefined) parent.pending = level.group;
  }

  function end(): RollupEnd {
    outlet.flush();
    if (levels.length > 0) close(0);
    if (points === 0 && root.skipAll === undefined && problems.length === 0)
      problem('no test results at all');
    if (unsaid > 0) problems.push(`and ${unsaid} more problems`);
    const members: Status[] = [
      ...(root.status === undefined ? [] : [root.status]),
      ...(problems.length > 0 ? (['ERROR'] as const) : []),
    ];
    return {
      status: members.length === 0 ? 'SKIP' : worst(members),
      problems,
      points,
      ...(points === 0 && root.skipAll !== undefined ? { skipAll: root.skipAll } : {}),
    };
  }

  // ---- documents

  function restart(depth: number): void {
    const level = levels[depth];
    if (level === undefined) return;
    orphan(depth);
    finishDoc(depth);
    level.doc = newDoc();
  }

  /** Compares the document with its plan and reports what never came. */
  function finishDoc(depth: number): void {
    const level = levels[depth];
    if (level === undefined) return;
    const { planned, numbers, totalsMatch, bailed, suites } = level.doc;
    if (planned === undefined) {
      const told = totalsMatch || bailed || suites;
      if (depth === 0 && numbers.count > 0 && !told) problem('no plan');
      return;
    }
    const missing = numbers.missing(planned);
    const beyond = numbers.max > planned ? numbers.max : 0;
    if (beyond > 0 && planned > 0)
      note(level, depth, `planned ${planned} tests, but there is a number ${beyond}`);
    if (beyond > 0 && planned === 0) note(level, depth, 'planned no tests, but there are results');
    if (missing.count === 0) return;
    note(level, depth, `planned ${planned} tests, ${missing.count} of them never reported`);
    let named = 0;
    for (const [from, to] of missing.ranges) {
      for (let id = from; id <= to && named < maxMissing; id++, named++) miss(depth, `#${id}`);
      if (named === maxMissing && missing.count > named) {
        miss(depth, `${missing.count - named} more`);
        break;
      }
    }
  }

  function miss(depth: number, which: string): void {
    const level = levels[depth];
    if (level === undefined || dead || isFull()) return;
    const title = `${which} (never reported)`;
    emit(depth, pointOf(outlet.unique(level.group, title), 'MISS', undefined, []), false);
  }

  /** The parent line of the closed group below `depth` never came. */
  function orphan(depth: number): void {
    const level = levels[depth];
    const group = level?.pending;
    if (level === undefined || group === undefined) return;
    level.pending = undefined;
    if (group.label === undefined) {
      // The missing parent itself gets the same name when the plan is checked.
      outlet.settle(group, depth, `#${level.doc.numbers.max + 1} (never reported)`);
    }
    problem(`'${group.title ?? '?'}': its own result never came`);
    for (const text of group.notes) problem(`'${group.title ?? '?'}': ${text}`);
    absorb(level.group, group);
  }

  /** A finished child group counts as members of its parent's. */
  function absorb(into: Group, group: Group): void {
    if (group.status !== undefined) join(into, group.status);
    into.members += group.members;
    outlet.release(group);
  }

  /** A fault of a level. The stream's own is a problem at once, a group's is told with its parent point. */
  function note(level: Level, depth: number, text: string): void {
    if (depth === 0) problem(text);
    else if (level.group.notes.length < 20) level.group.notes.push(text);
  }

  function problem(text: string): void {
    if (problems.length < maxProblems) problems.push(text);
    else unsaid++;
  }

  function emit(depth: number, point: TestPoint, ownLine: boolean): void {
    const level = levels[depth];
    if (level === undefined) return;
    level.group.members++;
    join(level.group, point.status);
    points++;
    outlet.emit(depth, point, ownLine);
  }

  const root = newGroup();
  levels.push({ group: root, doc: newDoc(), pending: undefined });

  return {
    open: (depth: number, title: string | undefined) => {
      if (depth > 0) open(depth, title);
    },
    name,
    version,
    plan,
    point: addPoint,
    bail,
    totals,
    problem,
    close,
    end,
    comment: outlet.comment,
    yaml: outlet.yaml,
  };
}

function pointOf(
  label: string,
  status: Status,
  directive: Directive | undefined,
  diagnostics: readonly string[],
): TestPoint {
  return { path: [label], status, ...(directive === undefined ? {} : { directive }), diagnostics };
}
