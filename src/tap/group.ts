// What is known of a level of the stream while it is read: its documents, and the points below one parent.
import { worst, type Status } from '../core/status.ts';
import type { TestPoint } from '../core/event.ts';
import type { Names } from './names.ts';
import { newNumbers, type Numbers } from './numbers.ts';
import { newTally, type Tally } from './verdict.ts';

export interface Level {
  group: Group;
  doc: Doc;
  /** The closed child group whose parent line must come next. */
  pending: Group | undefined;
}

/** One document of a level: from a version line or a restart of the numbers to the next. */
export interface Doc {
  planned: number | undefined;
  numbers: Numbers;
  tally: Tally;
  totalsMatch: boolean;
  bailed: boolean;
  /** Every point so far was a KUnit suite: the only documents that may do without a plan, as KUnit's parser has it. */
  suites: boolean;
}

/** The points below one parent point. Becomes the parent's when its line comes. */
export interface Group {
  /** As printed; undefined until the parent's line comes, if nothing announced it. */
  title: string | undefined;
  /** The path component: the title, made unique. */
  label: string | undefined;
  /** Of the points in it; undefined if it has none. */
  names: Names | undefined;
  /** What of it counts towards what may be kept. */
  keptBytes: number;
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

/** The group is as bad as its worst member. */
export function join(group: Group, status: Status): void {
  if (group.status !== status)
    group.status = group.status === undefined ? status : worst([group.status, status]);
}

export function newDoc(): Doc {
  return {
    planned: undefined,
    numbers: newNumbers(),
    tally: newTally(),
    totalsMatch: false,
    bailed: false,
    suites: true,
  };
}

export function newGroup(): Group {
  return {
    title: undefined,
    label: undefined,
    names: undefined,
    keptBytes: 0,
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
