// What a build log says went wrong: the first error, not the last forty lines of make. Pure.
// Shapes: gcc and clang diagnostics, GNU ld, modpost, objtool, kbuild's own lines.

export interface Diagnostic {
  /** Relative to the kernel tree, if the tool named a file. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly text: string;
}

export interface Diagnosis {
  /** The first error; none if nothing in the log looks like one. */
  readonly error?: Diagnostic;
  /** At most 100. */
  readonly warnings: readonly Diagnostic[];
}

/** Reads a build log; `treeDir` is cut off file names. */
export function diagnose(log: string, treeDir?: string): Diagnosis {
  let error: Diagnostic | undefined;
  let weak: Diagnostic | undefined;
  const warnings: Diagnostic[] = [];
  for (const line of logLines(log)) {
    const found = located(line, treeDir);
    if (found?.kind === 'warning' && warnings.length < 100) warnings.push(found.at);
    if (error !== undefined) continue;
    error = found?.kind === 'error' ? found.at : plainError(line, treeDir);
    // make says that something failed, not what: only if nobody else spoke.
    weak ??= /^make(\[\d+\])?: \*\*\* (.+)$/.test(line) ? { text: line } : undefined;
  }
  const first = error ?? weak;
  return { ...(first === undefined ? {} : { error: first }), warnings };
}

/** `mm/memremap.c:451:6: error: …` for people. */
export function formatDiagnostic({ file, line, column, text }: Diagnostic): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return place === '' ? text : `${place}: ${text}`;
}

/** Lines without their ends; one of more than 4096 characters is no diagnostic. */
function logLines(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line.length <= 4096)
    .map((line) => line.trimEnd());
}

function located(
  line: string,
  treeDir: string | undefined,
): { kind: 'error' | 'warning'; at: Diagnostic } | undefined {
  const match = /^([^\s:][^:]*):(\d+)(?::(\d+))?: ((?:fatal )?error|warning|Error)(: | \[).*$/.exec(
    line,
  );
  if (match === null) return undefined;
  const [, file = '', number = '', column, kind = ''] = match;
  const text = line.slice(line.indexOf(`: ${kind}`) + 2);
  return {
    kind: kind === 'warning' ? 'warning' : 'error',
    at: {
      file: shorten(file, treeDir),
      line: Number(number),
      ...(column === undefined ? {} : { column: Number(column) }),
      text,
    },
  };
}

function plainError(line: string, treeDir: string | undefined): Diagnostic | undefined {
  // Linker: `ld: mm/memremap.o: in function `f': memremap.c:(.text+0x1): undefined reference to `g'`.
  const undefinedSymbol = /(?:^|\s)([^\s:]+):(?:\([^)]*\)|\d+): undefined reference to .*$/.exec(
    line,
  );
  if (undefinedSymbol !== null)
    return {
      file: shorten(undefinedSymbol[1] ?? '', treeDir),
      text: line.slice(line.indexOf('undefined reference')),
    };
  const linker =
    /^(?:\S*\bld(?:\.\w+)?): (?:error: )?(.*(?:undefined|multiple definition|cannot find|unrecogni[sz]ed|relocation).*)$/.exec(
      line,
    );
  if (linker !== null) return { text: linker[1] ?? line };
  const modpost = /^(?:ERROR: modpost: |ERROR: )(.*)$/.exec(line);
  if (modpost !== null) return { text: line };
  const missing = /^make(?:\[\d+\])?: \*\*\* (No rule to make target .*)$/.exec(line);
  if (missing !== null) return { text: missing[1] ?? line };
  const makefile = /^([^\s:]*(?:Makefile|Kbuild|Kconfig)[^\s:]*):(\d+): (?:\*\*\* )?(.+)$/.exec(
    line,
  );
  if (makefile !== null)
    return {
      file: shorten(makefile[1] ?? '', treeDir),
      line: Number(makefile[2]),
      text: makefile[3] ?? line,
    };
  return /internal compiler error|^error: |Killed signal terminated program/.test(line)
    ? { text: line }
    : undefined;
}

function shorten(file: string, treeDir: string | undefined): string {
  if (treeDir !== undefined && file.startsWith(`${treeDir}/`))
    return file.slice(treeDir.length + 1);
  return file.replace(/^(?:\.\.\/)+(?:src\/)?/, '').replace(/^\.\//, '');
}
