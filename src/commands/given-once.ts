// yargs makes an array of what is given twice, and hands it to a command that was promised one value.
import { FailureError } from '../core/failure.ts';

/**
 * Throws FailureError `usage/given-twice` if an option that takes one value has several.
 *
 * @param argv What yargs parsed.
 * @param options What yargs knows of the options of the command; its types call it something else.
 */
export function givenOnce(argv: Readonly<Record<string, unknown>>, options: object): true {
  const { array = [], narg = {} } = options as { array?: string[]; narg?: Record<string, number> };
  // yargs adds every name once more in camel case.
  const pairs = Object.keys(narg).filter((name) => (narg[name] ?? 0) > 1);
  const several = new Set([...array, ...pairs, '_'].flatMap((name) => [name, camelCase(name)]));
  for (const [name, value] of Object.entries(argv)) {
    if (!Array.isArray(value) || several.has(name)) continue;
    throw new FailureError({
      blame: 'usage',
      code: 'given-twice',
      title: `--${name} is given ${value.length} times, and takes one value`,
      detail: value.map((one) => `--${name} ${String(one)}`).join('\n'),
      hint: 'Leave only one of them; `pgmap COMMAND --help` says what may be repeated.',
    });
  }
  return true;
}

const camelCase = (name: string): string =>
  name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
