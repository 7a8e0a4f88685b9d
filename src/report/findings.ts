// Lines of `pgmap doctor`.
import { createColors } from 'picocolors';
import { visible } from './escape.ts';

export interface Finding {
  readonly ok: boolean;
  /** Without it nothing runs. */
  readonly needed: boolean;
  readonly what: string;
  /** The command, or words, that mend it. */
  readonly mend?: string;
}

export function findings(list: readonly Finding[], options: { readonly color: boolean }): string {
  const paint = createColors(options.color);
  const lines = list.flatMap((finding) => {
    const word = finding.ok
      ? paint.green('PASS')
      : finding.needed
        ? paint.red('FAIL')
        : paint.yellow('WARN');
    return [
      `${word}  ${visible(finding.what)}`,
      ...(finding.mend === undefined ? [] : [`      ${visible(finding.mend)}`]),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}
