// Points on their way out: each gets a name of its own below the names of the levels above it, and waits where one of
// these is not known yet; a failing one also waits for the YAML block that may follow.
import type { TestPoint } from '../core/event.ts';
import type { Group, Level } from './group.ts';
import { newNames } from './names.ts';
import { ringOf } from './ring.ts';

/** Bytes kept to tell names apart, and of points that wait for their parent's name. */
const maxKept = 64 * 2 ** 20;
const maxYamlLines = 80;

/** `levels` is the caller's, as it stands. Calls `onTooMuch` once when more has to be kept than memory should hold. */
export function newOutlet(
  levels: readonly Level[],
  onPoint: (point: TestPoint) => void,
  onTooMuch: () => void,
) {
  const comments = ringOf();
  let kept = 0;
  let full = false;
  let last: { depth: number; point: TestPoint } | undefined;

  /** Names the group, which is below the level at `parentDepth`. */
  function label(group: Group, parentDepth: number, title: string): void {
    const parent = levels[parentDepth];
    const own = parent === undefined ? title : unique(parent.group, title);
    settle(group, parentDepth, title, own);
  }

  /** Lets go what waited for the name. */
  function settle(group: Group, parentDepth: number, title: string, own = title): void {
    group.title = title;
    group.label = own;
    const held = group.held;
    group.held = [];
    for (const point of held) send(parentDepth, { ...point, path: [own, ...point.path] });
  }

  /** Gives the group its name if it has none; returns the path component its parent point has. */
  function adopt(group: Group, depth: number, title: string): string {
    if (group.label === undefined) label(group, depth, title);
    const parent = levels[depth];
    if (group.title === title || parent === undefined) return group.label ?? title;
    return unique(parent.group, title);
  }

  function unique(group: Group, title: string): string {
    const names = (group.names ??= newNames());
    const before = names.bytes;
    const own = names.unique(title);
    if (names.bytes !== before) keep(group, names.bytes - before);
    return own;
  }

  function keep(group: Group, bytes: number): void {
    group.keptBytes += bytes;
    kept += bytes;
    if (kept <= maxKept || full) return;
    full = true;
    onTooMuch();
  }

  /** The group is finished: its names need not be told from others any more. */
  function release(group: Group): void {
    kept -= group.keptBytes;
    group.keptBytes = 0;
    group.names = undefined;
  }

  /** `ownLine`: it was printed, with the comments before it. */
  function emit(depth: number, bare: TestPoint, ownLine: boolean): void {
    const bad = bare.status !== 'PASS' && bare.status !== 'SKIP';
    let point = bare;
    if (bad) point = { ...bare, diagnostics: [...bare.diagnostics, ...comments.take()] };
    if (ownLine) comments.clear();
    if (bad && ownLine) last = { depth, point };
    else send(depth, point);
  }

  /** No YAML block follows any more. */
  function flush(): void {
    if (last === undefined) return;
    const { depth, point } = last;
    last = undefined;
    send(depth, point);
  }

  /** Puts the names of the levels above in front, or lets the point wait where one is not known yet. */
  function send(depth: number, point: TestPoint): void {
    // Most are of the stream itself, and one more copy of each is felt.
    if (depth === 0) {
      onPoint(point);
      return;
    }
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

  return {
    ...{ label, settle, adopt, unique, release, emit, flush },
    forgetComments: comments.clear,
    comment(text: string): void {
      flush();
      comments.push(text);
    },
    yaml(text: string): void {
      if (last === undefined || last.point.diagnostics.length >= maxYamlLines) return;
      const diagnostics = [...last.point.diagnostics, text.slice(0, 500)];
      last = { ...last, point: { ...last.point, diagnostics } };
    },
  };
}
