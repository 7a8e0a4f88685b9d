// Kernel configuration as text and data: fragments merged, .config read, and what did not take explained. Pure.
// Formats: kconfig-language.rst and kconfig.rst of the kernel's Documentation/kbuild.

/** A fragment: plain `CONFIG_X=y` and `# CONFIG_X is not set` lines. */
export interface Fragment {
  /** File name, for messages. */
  readonly name: string;
  readonly text: string;
}

/** Symbol without `CONFIG_` → value as it stands in the file: `y`, `m`, `n`, `20`, `"text"`. */
export type Symbols = ReadonlyMap<string, string>;

export interface Merged {
  /** Sorted, without comments: the same settings give the same text. */
  readonly text: string;
  readonly symbols: Symbols;
  /** Symbols that two fragments want differently; the later one has won. */
  readonly conflicts: readonly string[];
}

/** A setting that did not take. */
export interface Unmet {
  readonly symbol: string;
  readonly asked: string;
  readonly reason: string;
}

/** Fragments on top of each other; of two settings of one symbol the later one counts. */
export function mergeFragments(fragments: readonly Fragment[]): Merged {
  const from = new Map<string, { value: string; name: string }>();
  const conflicts: string[] = [];
  for (const { name, text } of fragments)
    for (const [symbol, value] of parseConfig(text)) {
      const before = from.get(symbol);
      if (before !== undefined && before.value !== value)
        conflicts.push(
          `CONFIG_${symbol}: ${before.name} says ${before.value}, ${name} says ${value}`,
        );
      from.set(symbol, { value, name });
    }
  const names = [...from.keys()].sort();
  const symbols = new Map(names.map((symbol) => [symbol, from.get(symbol)?.value ?? 'n']));
  return { text: formatConfig(symbols), symbols, conflicts };
}

/** The settings of a .config or a fragment; other lines mean nothing to kconfig either. */
export function parseConfig(text: string): Map<string, string> {
  const symbols = new Map<string, string>();
  for (const line of text.split('\n')) {
    const set = /^\s*CONFIG_(\w+)=(.*?)\s*$/.exec(line);
    if (set !== null) symbols.set(set[1] ?? '', set[2] ?? '');
    const unset = /^# CONFIG_(\w+) is not set\s*$/.exec(line);
    if (unset !== null) symbols.set(unset[1] ?? '', 'n');
  }
  return symbols;
}

/** The same as lines of a .config. */
export function formatConfig(symbols: Symbols): string {
  const lines = [...symbols].map(([symbol, value]) =>
    value === 'n' ? `# CONFIG_${symbol} is not set` : `CONFIG_${symbol}=${value}`,
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** Symbols that were asked for and have another value in the final configuration. */
export function lostSymbols(asked: Symbols, final: Symbols): string[] {
  return [...asked].flatMap(([symbol, value]) =>
    (final.get(symbol) ?? 'n') === value ? [] : [symbol],
  );
}

/** A `config` entry, as far as it decides whether a symbol can be set. */
export interface KconfigEntry {
  /** Conditions, all of which must hold: its own `depends on` and those of the menus and ifs around it. */
  readonly depends: readonly string[];
  /** Without one only another symbol's `select` can set it. */
  readonly prompt: boolean;
}

/** Why `symbol` did not take; `entries` are all its entries in the tree. */
export function lossReason(
  asked: string,
  final: Symbols,
  symbol: string,
  entries: readonly KconfigEntry[],
): string {
  const is = final.get(symbol) ?? 'n';
  if (entries.length === 0) return 'unknown in this tree';
  if (asked === 'n') return `is =${is}, asked n: another symbol selects it`;
  const failing = entries.map(({ depends }) => depends.filter((term) => !holds(term, final)));
  if (failing.every((terms) => terms.length > 0)) {
    const terms = failing[0]?.map((term) => annotate(term, final)) ?? [];
    return `unmet dependency: ${terms.join(' && ')}`;
  }
  if (is !== 'n') return `is =${is}, asked ${asked}`;
  return entries.some(({ prompt }) => prompt)
    ? 'not taken, although its dependencies are met: another member of its choice is'
    : 'cannot be asked for: it has no prompt, and nothing selects it';
}

/** The entries of a symbol in the text of one Kconfig file; a symbol may have several. */
export function kconfigEntries(text: string, symbol: string): KconfigEntry[] {
  const entries: KconfigEntry[] = [];
  const around: { kind: string; depends: string[] }[] = [];
  let current: { depends: string[]; prompt: boolean } | undefined;
  let own: string[] = [];
  for (const line of joinLines(text)) {
    const [, keyword = '', rest = ''] = /^\s*([a-z]+)\b\s*(.*?)\s*$/.exec(line) ?? [];
    if (/^(config|menuconfig)$/.test(keyword)) {
      own = around.flatMap(({ depends }) => depends);
      current = rest === symbol ? { depends: own, prompt: false } : undefined;
      if (current !== undefined) entries.push(current);
    } else if (/^(if|menu|choice)$/.test(keyword)) {
      own = keyword === 'if' ? [rest] : [];
      around.push({ kind: keyword, depends: own });
      current = undefined;
    } else if (/^end(if|menu|choice)$/.test(keyword)) {
      around.pop();
      current = undefined;
    } else if (keyword === 'depends') own.push(rest.replace(/^on\s+/, ''));
    else if (/^(bool|tristate|int|hex|string|prompt)$/.test(keyword) && rest.startsWith('"')) {
      if (current !== undefined) current.prompt = true;
    } else if (/^(source|comment|mainmenu)$/.test(keyword)) own = [];
  }
  return entries;
}

/** Lines with their continuations, without help texts (those are indented deeper than `help`) and comments. */
function joinLines(text: string): string[] {
  const lines: string[] = [];
  let helpIndent = -1;
  for (const line of text.replaceAll(/\s*\\\n\s*/g, ' ').split('\n')) {
    if (line.trim() === '') continue;
    const indent = (/^\s*/.exec(line)?.[0] ?? '').replaceAll('\t', '        ').length;
    if (helpIndent >= 0 && indent > helpIndent) continue;
    helpIndent = /^\s*(---)?help(---)?\s*$/.test(line) ? indent : -1;
    if (helpIndent < 0) lines.push(line.replace(/\s#[^"]*$/, ''));
  }
  return lines;
}

/**
 * Whether a condition holds, as far as values are known: `&&`, `||`, `!`, parentheses, symbols and (in)equality. What is
 * not understood counts as holding, for then it is not what we blame.
 */
function holds(condition: string, values: Symbols): boolean {
  const tokens = condition.match(/\w+|"[^"]*"|&&|\|\||!=|<=|>=|[!()=<>]|\$\([^)]*\)/g) ?? [];
  let at = 0;
  const atom = (): boolean => {
    const token = tokens[at++];
    if (token === '!') return !atom();
    if (token === '(') {
      const inner = either();
      at++;
      return inner;
    }
    if (token === undefined || token.startsWith('$')) return true;
    const operator = tokens[at];
    if (operator !== undefined && /^(=|!=|<|>|<=|>=)$/.test(operator)) {
      const right = tokens[at + 1] ?? '';
      at += 2;
      if (operator === '=') return valueOf(token, values) === valueOf(right, values);
      if (operator === '!=') return valueOf(token, values) !== valueOf(right, values);
      return true;
    }
    return valueOf(token, values) !== 'n';
  };
  const both = (): boolean => {
    let value = atom();
    while (tokens[at] === '&&') {
      at++;
      const right = atom();
      value &&= right;
    }
    return value;
  };
  const either = (): boolean => {
    let value = both();
    while (tokens[at] === '||') {
      at++;
      const right = both();
      value ||= right;
    }
    return value;
  };
  return either();
}

function valueOf(token: string, values: Symbols): string {
  if (/^(y|m|n|\d+)$|^"/.test(token)) return token.replaceAll('"', '');
  return (values.get(token) ?? 'n').replaceAll('"', '');
}

/** The condition with `(=n)` behind every symbol that is not set. */
function annotate(condition: string, values: Symbols): string {
  return condition.replaceAll(/(?<![\w"$!])[A-Z]\w*/g, (symbol) =>
    valueOf(symbol, values) === 'n' ? `${symbol} (=n)` : symbol,
  );
}
