// Command lines for people to paste. Never used to run anything: programs get argument arrays.

/** One argument quoted for a POSIX shell, left bare when that is safe. */
export function quote(argument: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}

/** A whole command line. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}
