// What the compiler warned of, kept per compiled object: an incremental build only shows warnings of what it compiled
// anew, so those of all the rest have to be remembered. Pure.

/** Warnings of an object folder. */
export interface Warnings {
  /** All of it was compiled while we listened; without that, an object not listed may or may not have warnings. */
  readonly complete: boolean;
  /** Object as kbuild names it (`mm/memremap.o`) → its warnings, in the words of {@link warningName}. */
  readonly objects: Readonly<Record<string, readonly string[]>>;
}

export interface WarningChange {
  readonly added: readonly string[];
  readonly fixed: readonly string[];
  /** Warnings of objects that were compiled before anybody listened: nobody knows whether they are new. */
  readonly unknown: readonly string[];
}

/** At most this many of one object are kept; names are at most 400 characters. */
const maxPerObject = 200;

/**
 * What a warning is called, so that moved code does not make it another one: no line and no column, no offsets into
 * functions. `mm/memremap.c: unused variable 'i' [-Wunused-variable]`; undefined if the line is none.
 * Shapes: gcc and clang diagnostics, objtool, modpost.
 */
export function warningName(line: string, treeDir = ''): string | undefined {
  if (line.length > 4096) return undefined;
  const modpost = /^WARNING: (modpost: .*)$/.exec(line);
  if (modpost !== null) return settle(modpost[1] ?? '');
  const located = /^([^\s:]+)(?::\d+){0,2}: warning: (.*)$/.exec(line);
  if (located === null) return undefined;
  const [, file = '', text = ''] = located;
  const inTree = treeDir !== '' && file.startsWith(`${treeDir}/`);
  const short = inTree ? file.slice(treeDir.length + 1) : file.replace(/^(?:\.\.?\/)+/, '');
  return settle(`${short}: ${text}`);
}

const settle = (name: string): string =>
  name
    .replaceAll(/\b0x[0-9a-f]+\b/gi, '0x…')
    .trim()
    .slice(0, 400);

export interface WarningReader {
  /** Takes a line of make's output; the lines of one recipe must stand together (`make -O`), its step line first. */
  line(text: string): void;
  /** Objects that were made → their warnings; without those whose recipe failed. */
  objects(): Map<string, readonly string[]>;
}

/** Listens to a make. */
export function readWarnings(treeDir: string): WarningReader {
  const said = objectLines();
  return {
    line: said.line,
    objects: () =>
      new Map(
        said.made().map((object) => [
          object,
          said
            .of(object)
            .flatMap((line) => warningName(line, treeDir) ?? [])
            .slice(0, maxPerObject),
        ]),
      ),
  };
}

export interface ObjectLines {
  line(text: string): void;
  /** What was said while an object was made; at most 2000 lines, none if make came to no such object. */
  of(object: string): readonly string[];
  /** Objects whose recipe did not fail. */
  made(): string[];
}

/** Sorts the lines of a make by the object they are about. */
export function objectLines(): ObjectLines {
  const found = new Map<string, string[]>();
  const failed = new Set<string>();
  let current = 'make';
  return {
    line(text) {
      const object = /^ {2}[A-Z][A-Z0-9_]* +(?:\[M\] +)?(\S+)$/.exec(text)?.[1];
      if (object !== undefined) {
        current = object;
        // Two recipes may speak of one object: its compiler, and what works on it afterwards.
        if (!found.has(object)) found.set(object, []);
        return;
      }
      // `make[3]: *** [scripts/Makefile.build:234: mm/memremap.o] Error 1`
      const broken = /^make(?:\[\d+\])?: \*\*\* \[(?:[^\s\]]+: )?([^\s\]]+)\]/.exec(
        text.slice(0, 4096),
      );
      if (broken?.[1] !== undefined) failed.add(broken[1]);
      const list = found.get(current) ?? [];
      found.set(current, list);
      // Most of it is source lines that go with a warning.
      if (list.length < 2000) list.push(text.slice(0, 4096));
    },
    of: (object) => found.get(object) ?? [],
    made: () => [...found.keys()].filter((object) => !failed.has(object)),
  };
}

/** What is known after a make: what it made replaces what was known of the same objects. */
export const learn = (
  before: Warnings,
  made: ReadonlyMap<string, readonly string[]>,
): Warnings => ({
  complete: before.complete,
  objects: { ...before.objects, ...Object.fromEntries(made) },
});

/**
 * What is new in `after`, and what is gone. A warning of a header counts once, in however many objects it shows; two of
 * the same name in one object are two.
 */
export function compareWarnings(before: Warnings, after: Warnings): WarningChange {
  const comparable: Record<string, readonly string[]> = {};
  const unknown = new Set<string>();
  for (const [object, names] of Object.entries(after.objects))
    if (before.complete || Object.hasOwn(before.objects, object)) comparable[object] = names;
    else for (const name of names) unknown.add(name);
  const [was, is] = [count(before.objects), count(comparable)];
  const more = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): string[] =>
    [...a].filter(([name, times]) => times > (b.get(name) ?? 0)).map(([name]) => name);
  return {
    added: more(is, was).sort(),
    fixed: more(was, is)
      .filter((name) => !unknown.has(name))
      .sort(),
    unknown: [...unknown].filter((name) => !was.has(name)).sort(),
  };
}

/** How often each stands in the object that has most of it. */
function count(objects: Warnings['objects']): Map<string, number> {
  const most = new Map<string, number>();
  for (const names of Object.values(objects)) {
    const here = new Map<string, number>();
    for (const name of names) here.set(name, (here.get(name) ?? 0) + 1);
    for (const [name, times] of here) most.set(name, Math.max(times, most.get(name) ?? 0));
  }
  return most;
}

/** Reads what was written; anything else is as if nobody had listened. */
export function parseWarnings(text: string | undefined): Warnings {
  const nothing: Warnings = { complete: false, objects: {} };
  if (text === undefined) return nothing;
  try {
    const read = JSON.parse(text) as Partial<Warnings> | null;
    const objects = read?.objects;
    if (typeof objects !== 'object' || objects === null) return nothing;
    const lists = Object.values(objects);
    if (!lists.every((list) => Array.isArray(list) && list.every((one) => typeof one === 'string')))
      return nothing;
    return { complete: read?.complete === true, objects };
  } catch {
    return nothing;
  }
}
