// A failure as one screen of text: what failed, the lines that matter, what to do.
import { createColors } from 'picocolors';
import type { Failure } from '../core/failure.ts';
import { visible } from './escape.ts';

export function complaint(failure: Failure, options: { readonly color: boolean }): string {
  const paint = createColors(options.color);
  const detail = (failure.detail ?? '').trimEnd().split('\n').filter(Boolean).slice(0, 30);
  return [
    `${paint.bold(paint.red('pgmap:'))} ${visible(failure.title)} ${paint.dim(`[${failure.blame}/${failure.code}]`)}`,
    ...detail.map((line) => `    ${visible(line)}`),
    ...(failure.artifact === undefined ? [] : [`  see: ${visible(failure.artifact)}`]),
    ...(failure.hint === undefined ? [] : [`${paint.cyan('hint:')} ${visible(failure.hint)}`]),
    '',
  ].join('\n');
}
