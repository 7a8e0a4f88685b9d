// Why git did not take a patch, as a failure: which patch, which file, which hunk.
import { FailureError } from '../../core/failure.ts';
import type { RunResult } from '../../util/proc.ts';
import { lastLines } from '../../util/proc.ts';
import { findHunk, firstConflict } from '../conflict.ts';
import type { Mail } from './mail.ts';

/** What git said about a patch that it refused. */
export function doesNotApply(
  mail: Mail,
  { number, total }: { readonly number: number; readonly total: number },
  result: RunResult,
): FailureError {
  const messages = `${result.stdout}\n${result.stderr}`;
  const outside =
    /^error: (?:invalid path '(.+)'|(?:affected file )?'(.+)' is beyond a symbolic link)$/m.exec(
      messages,
    );
  if (outside !== null)
    return leavesTheTree(
      [mail],
      outside[1] ?? outside[2] ?? '',
      outside[1] === undefined ? 'a path through a symbolic link of' : 'a path that is not of',
    );
  const which = total === 1 ? '' : ` (${number} of ${total})`;
  const conflict = firstConflict(messages);
  if (conflict === undefined)
    return new FailureError({
      blame: 'series',
      code: 'patch-malformed',
      title: `git cannot read the patch '${mail.subject.title}'${which}`,
      detail: [mail.name, ...lastLines(messages, 6)].join('\n'),
      hint: 'Was it changed on its way, by line wrapping for example?',
    });
  const hunk =
    conflict.line === undefined ? undefined : findHunk(mail.patch, conflict.file, conflict.line);
  const at = hunk === undefined ? '' : `, hunk ${hunk.number} (${hunk.header})`;
  return new FailureError({
    blame: 'series',
    code: 'patch-conflict',
    title: `'${mail.subject.title}'${which} does not apply: ${conflict.file}${at}`,
    detail: [`${mail.name}: ${conflict.file}: ${conflict.reason}`, ...errorLines(messages)].join(
      '\n',
    ),
    hint: 'Give the commit the series was made for with --base REV.',
  });
}

/** The failure for a patch that reaches beyond the kernel tree: never applied, whatever its place in the series. */
export function leavesTheTree(
  mails: readonly Pick<Mail, 'subject' | 'name'>[],
  path: string,
  how: string,
): FailureError {
  const [first] = mails;
  const which = first === undefined || mails.length > 1 ? 'The series' : `'${first.subject.title}'`;
  return new FailureError({
    blame: 'series',
    code: 'patch-outside-tree',
    title: `${which} has ${how} the tree: ${path}`,
    detail: [...new Set(mails.map(({ name }) => name))].join('\n'),
    hint: 'Nothing was applied. Where does this patch come from?',
  });
}

function errorLines(messages: string): string[] {
  return messages
    .split('\n')
    .filter((line) => /^(error|CONFLICT)/.test(line))
    .slice(0, 8);
}
