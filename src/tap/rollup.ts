// What the lines of a stream add up to: names, plans, numbers, totals, and one status. A group is as bad as its worst
// member and its own line; whatever was promised and not seen is reported, never assumed.
import type { TestPoint } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import { worst, type Status } from '../core/status.ts';
import type { Directive } from './directive.ts';
import { detached, ringOf } from './ring.ts';
import { newNumbers, type Numbers } from './numbers.ts';
import {
  addTally,
  differs,
  newTally,
  ownStatus,
  parentVerdict,
  type ResultLine,
  type Tally,
} from './verdict.ts';

/** Missing points named one by one in each level; the rest comes as one range. */
const maxMissing = 1000;
const maxProblems = 50;
/** Characters of names kept to tell duplicates, and of points that wait for their parent's name. */
const maxKept = 64 * 2 ** 20;

export interface RollupEnd {
  readonly status: Status;
  readonly problems: readonly string[];
  readonly skipAll?: string;
  readonly points: number;
}

/** One document of a level: from a version line or a restart of the numbers to the next. */
interface Doc {
  planned: number | undefined;
  numbers: Numbers;
  tally: Tally;
  totalsMatch: boolean;
  bailed: boolean;
  /** Every point so far was a KUnit suite: the only documents that may do without a plan, as KUnit's parser has it. */
  suites: boolean;
}

/** The points below one parent point. Becomes the parent's when its line comes. */
interface Group {
  /** As printed; undefined until the parent's line comes, if nothing announced it. */
  title: string | undefined;
  /** The path component: the title, made unique. */
  label: string | undefined;
  readonly names: Map<string, number>;
  nameBytes: number;
  /** Points that wait for the label. Paths begin inside of the group. */
  held: TestPoint[];
  members: number;
  status: Status | undefined;
  /** What is wrong with the level as such. */
  readonly notes: string[];
  skipAll: string | undefined;
  /** A `# Subtest:` line stood at its head, as KUnit prints it. */
  kunit: boolean;
  /** Nothing but that line was seen of it, no version line and no plan. */
  headOnly: boolean;
  /** Own lines, all documents together, and leaves of the whole subtree: what KUnit counts. */
  readonly own: Tally;
  readonly leaves: Tally;
}

interface Level {
  group: Group;
  doc: Doc;
  /** The closed child group whose parent line must come next. */
  pending: Group | undefined;
}

/** The verdict half of the parser. Calls `onPoint` for every point as soon as it is known. */
export function newRollup(
  onPoint: (point: TestPoint) => void,
  mostPoints: number = limits.resultsPerStream,
) {
  const levels: Level[] = [];
  const problems: string[] = [];
  const comments = ringOf();
  let unsaid = 0;
  let kept = 0;
  let points = 0;
  let status: Status | undefined;
  let dead = false;
  /** A failing point waits for the YAML block that may follow. */
  let last: { depth: number; point: TestPoint } | undefined;

  function open(depth: number, title: string | undefined): void {
    flushLast();
    const parent = levels[depth - 1];
    const pending = parent?.pending;
    let group: Group;
    if (pending !== undefined && (title === undefined || pending.title === title)) {
      group = pending;
      if (parent !== undefined) parent.pending = undefined;
    } else {
      if (parent !== undefined) orphan(depth - 1);
      group = newGroup();
      if (title !== undefined && parent !== undefined) label(group, depth - 1, title);
    }
    levels.length = depth;
    levels.push({ group, doc: newDoc(), pending: undefined });
  }

  function name(depth: number, title: string, first: boolean): void {
    flushLast();
    const level = levels[depth];
    if (level === undefined || depth === 0) return;
    if (level.group.title !== title) {
      if (level.group.title === undefined && level.group.members === 0) {
        label(level.group, depth - 1, title);
        flushHeld(level.group, depth - 1);
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
    flushLast();
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
    flushLast();
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
    const notes = [...own.notes, ...(result.note === '' ? [] : [result.note])];
    if (pending?.kunit !== true) doc.suites = false;
    if (pending === undefined) {
      level.group.leaves[own.word]++;
      emit(depth, pointOf(unique(level.group, title), own.status, result.directive, notes), true);
      return;
    }
    const path = adopt(pending, depth, title);
    if (pending.headOnly && pending.members === 0) level.group.leaves[own.word]++;
    else addTally(level.group.leaves, pending.leaves);
    const verdict = parentVerdict(pending, own.status);
    if (own.status === 'SKIP' || own.status === 'PASS')
      if (pending.status === 'FAIL')
        problem(`'${title}' says ${own.status}, but a test in it failed`);
    if (verdict === undefined) comments.clear();
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
    flushLast();
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
    flushLast();
    const level = levels[depth];
    if (level === undefined) return;
    orphan(depth);
    finishDoc(depth);
    levels.length = depth;
    const parent = levels[depth - 1];
    if (parent !== undefined) parent.pending = level.group;
  }

  function end(): RollupEnd {
    flushLast();
    if (levels.length > 0) close(0);
    if (points === 0 && root.skipAll === undefined && problems.length === 0)
      problem('no test results at all');
    if (unsaid > 0) problems.push(`and ${unsaid} more problems`);
    const members: Status[] = [
      ...(status === undefined ? [] : [status]),
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
    emit(depth, pointOf(unique(level.group, title), 'MISS', undefined, []), false);
  }

  /** The parent line of the closed group below `depth` never came. */
  function orphan(depth: number): void {
    const level = levels[depth];
    const group = level?.pending;
    if (level === undefined || group === undefined) return;
    level.pending = undefined;
    if (group.label === undefined) {
      const title = `#${level.doc.numbers.max + 1} (never reported)`;
      label(group, depth, title);
      flushHeld(group, depth);
      // The missing parent itself is reported under the same name when the plan is checked.
      level.group.names.delete(title);
    }
    problem(`'${group.title ?? '?'}': its own result never came`);
    for (const text of group.notes) problem(`'${group.title ?? '?'}': ${text}`);
    absorb(level.group, group);
  }

  /** A finished child group counts as members of its parent's. */
  function absorb(into: Group, group: Group): void {
    if (group.status !== undefined) join(into, group.status);
    into.members += group.members;
    release(group);
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

  // ---- names

  function label(group: Group, parentDepth: number, title: string): void {
    const parent = levels[parentDepth];
    group.title = title;
    group.label = parent === undefined ? title : unique(parent.group, title);
  }

  /** Gives the group its name if it has none; returns the path component its parent point has. */
  function adopt(group: Group, depth: number, title: string): string {
    if (group.label === undefined) {
      label(group, depth, title);
      flushHeld(group, depth);
    }
    const parent = levels[depth];
    if (group.title === title || parent === undefined) return group.label ?? title;
    return unique(parent.group, title);
  }

  function unique(group: Group, title: string): string {
    // A copy: what was cut from a chunk keeps the chunk.
    const own = detached(title);
    const seen = group.names.get(own) ?? 0;
    group.names.set(own, seen + 1);
    if (seen > 0) return `${own} (${seen + 1})`;
    keep(group, own.length + 48);
    return own;
  }

  function keep(group: Group, characters: number): void {
    group.nameBytes += characters;
    kept += characters;
    if (kept <= maxKept || dead) return;
    dead = true;
    problem('too many names to keep: the rest was not read');
  }

  function release(group: Group): void {
    kept -= group.nameBytes;
    group.nameBytes = 0;
    group.names.clear();
  }

  // ---- handing out

  function emit(depth: number, bare: TestPoint, ownLine: boolean): void {
    const level = levels[depth];
    if (level === undefined) return;
    level.group.members++;
    join(level.group, bare.status);
    const bad = bare.status !== 'PASS' && bare.status !== 'SKIP';
    let point = bare;
    if (bad) point = { ...bare, diagnostics: [...bare.diagnostics, ...comments.take()] };
    if (ownLine) comments.clear();
    points++;
    status = status === undefined ? point.status : worst([status, point.status]);
    if (bad && ownLine) last = { depth, point };
    else send(depth, point);
  }

  function flushLast(): void {
    if (last === undefined) return;
    const { depth, point } = last;
    last = undefined;
    send(depth, point);
  }

  /** Puts the names of the levels above in front, or lets the point wait where one is not known yet. */
  function send(depth: number, point: TestPoint): void {
    const path = [...point.path];
    for (let at = depth; at > 0; at--) {
      const group = levels[at]?.group;
      if (group === undefined) continue;
      if (group.label !== undefined) {
        path.unshift(group.label);
        continue;
      }
      group.held.push({ ...point, path });
      keep(group, 200 + path.join().length + point.diagnostics.join().length);
      return;
    }
    onPoint({ ...point, path });
  }

  /** `depth` is that of the parent. */
  function flushHeld(group: Group, depth: number): void {
    const held = group.held;
    group.held = [];
    for (const point of held) send(depth, { ...point, path: [group.label ?? '?', ...point.path] });
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
    comment: (text: string) => {
      if (last !== undefined) flushLast();
      comments.push(text);
    },
    yaml: (text: string) => {
      if (last === undefined || last.point.diagnostics.length >= 80) return;
      const diagnostics = [...last.point.diagnostics, text.slice(0, 500)];
      last = { ...last, point: { ...last.point, diagnostics } };
    },
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

function join(group: Group, status: Status): void {
  group.status = group.status === undefined ? status : worst([group.status, status]);
}

function newDoc(): Doc {
  return {
    planned: undefined,
    numbers: newNumbers(),
    tally: newTally(),
    totalsMatch: false,
    bailed: false,
    suites: true,
  };
}

function newGroup(): Group {
  return {
    title: undefined,
    label: undefined,
    names: new Map(),
    nameBytes: 0,
    held: [],
    members: 0,
    status: undefined,
    notes: [],
    skipAll: undefined,
    kunit: false,
    headOnly: false,
    own: newTally(),
    leaves: newTally(),
  };
}
