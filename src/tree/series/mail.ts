// Mails and diffs taken apart by git mailsplit and git mailinfo: encodings, CRLF and charsets are theirs to know.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import type { Place } from '../git.ts';
import { git, shellWithGit } from '../git.ts';
import { parseSubject, type Subject } from './subject.ts';
import type { InputFile } from './input.ts';

/** One mail, or one plain diff. */
export interface Mail {
  /** The file it came in, for messages. */
  readonly name: string;
  /** As it came, for git am. */
  readonly file: string;
  /** The diff of it, for git apply. */
  readonly patchFile: string;
  /** The diff and what stands around it; empty if there is none: a cover letter, a reply. */
  readonly patch: string;
  readonly subject: Subject;
  /** The text before the diff. */
  readonly message: string;
  /** `Name <mail>`; undefined for a plain diff. */
  readonly author?: string;
  /** Whether git am can take it: it has an author and a date. */
  readonly mailed: boolean;
}

/** Every mail of a file, in the file's order; `folder` is new and only for this. Throws series/patch-malformed. */
export async function readMails(
  { name, text }: InputFile,
  folder: string,
  place: Place,
  ctx: Context,
): Promise<Mail[]> {
  // mailsplit calls an empty file an error; here it is a series without patches.
  if (text.toString('latin1').trim() === '') return [];
  await mkdir(folder);
  const whole = join(folder, 'input');
  await writeFile(whole, text);
  // `-b`: a file that does not begin with `From ` is one mail.
  const argv = ['mailsplit', '-b', `-o${folder}`, whole];
  await git(argv, place, ctx, { what: `Cannot split ${name} into mails`, blame: 'series' });
  const files = (await readdir(folder)).filter((mail) => /^\d+$/.test(mail)).sort();
  // One shell for all of them: a process of its own for each costs more than git's work.
  await shellWithGit(
    'for mail; do git mailinfo -k "$mail.message" "$mail.patch" <"$mail" >"$mail.info" || exit; done',
    files,
    { ...place, cwd: folder },
    ctx,
    { what: `Cannot read a mail of ${name}`, blame: 'series', code: 'patch-malformed' },
  );
  return Promise.all(files.map((file) => readMail(join(folder, file), name)));
}

async function readMail(file: string, name: string): Promise<Mail> {
  const info = decode(await readFile(`${file}.info`));
  const field = (key: string): string =>
    new RegExp(`^${key}: (.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const [author, email, subject] = [field('Author'), field('Email'), field('Subject')];
  if (email !== '') {
    // All that follows a line `---`: in a cover letter that is no diff, but may be its base-commit.
    const rest = await readFile(`${file}.patch`, 'utf8');
    const patch = holdsDiff(rest) ? rest : '';
    const message = await readFile(`${file}.message`, 'utf8');
    const mail: Mail = {
      name,
      file,
      patchFile: `${file}.patch`,
      patch,
      subject: parseSubject(subject, basename(name)),
      message: patch === '' ? `${message}${rest}` : message,
      author: `${author} <${email}>`,
      mailed: field('Date') !== '',
    };
    // What is in base64 shows its bytes only now.
    if (`${rest}${message}`.includes('\0'))
      throw new FailureError({
        blame: 'series',
        code: 'patch-malformed',
        title: `The patch '${mail.subject.title}' holds NUL bytes`,
        detail: name,
      });
    return mail;
  }
  // No mail: a diff with free text before it.
  const text = await readFile(file, 'utf8');
  const [head = ''] = text.split(/^(?:diff |--- |Index: )/m, 1);
  const title = head.trim().split('\n')[0]?.slice(0, 120) || basename(name);
  return {
    ...{ name, file, patchFile: file, patch: holdsDiff(text) ? text : '' },
    ...{ subject: parseSubject('', title), message: head, mailed: false },
  };
}

/** What git apply would look at; a change of a file's mode or name alone is a diff too. */
const holdsDiff = (text: string): boolean => /^(?:diff --git |Index: |--- .*\n\+\+\+ )/m.test(text);

/** Headers that say nothing of their charset are read as git reads bodies: UTF-8, else Latin-1. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
