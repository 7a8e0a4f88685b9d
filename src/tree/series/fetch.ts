// Series through b4, which knows lore: a thread by message id or link, or the newest version out of a local mbox, with the
// trailers that came in replies. See b4(5).
import { access, constants, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import { failed, run, type RunResult } from '../../util/proc.ts';
import { removeTemp, tempFolder } from '../../util/temp.ts';
import { userEnvironment } from '../../util/user-env.ts';
import { identity } from '../git.ts';
import type { InputFile } from './input.ts';

export interface Fetched {
  readonly files: readonly InputFile[];
  readonly notes: readonly string[];
}

/**
 * The series of the thread that holds the message `id` (or a link to it), from where the user's b4 is configured to look.
 * Throws lab/program-missing, lab/b4-failed, lab/timed-out, usage/unknown-message.
 */
export async function fetchThread(id: string, ctx: Context): Promise<Fetched> {
  if (!(await hasB4(ctx)))
    throw new FailureError({
      blame: 'lab',
      code: 'program-missing',
      title: `There is no file '${id}', and for a message id b4 is needed, which is not installed`,
      hint: 'apt install b4',
    });
  ctx.onProgress(`fetching ${id} with b4`);
  return b4(['--no-cache', '--', id], id, ctx);
}

/** What b4 makes of a local mbox with several versions or with replies. Throws lab/b4-failed. */
export async function readWithB4(file: InputFile, ctx: Context): Promise<Fetched> {
  const dir = await tempFolder('b4');
  try {
    const mbox = join(dir, 'thread.mbox');
    await writeFile(mbox, file.text);
    return await b4(['--use-local-mbox', mbox], file.name, ctx, ['--offline-mode']);
  } finally {
    await removeTemp(dir);
  }
}

/** Whether b4 is on the path. */
export async function hasB4(ctx: Context): Promise<boolean> {
  for (const folder of ctx.path.split(delimiter)) {
    const there = await access(join(folder, 'b4'), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return true;
  }
  return false;
}

const limitMs = 120_000;

async function b4(
  argv: readonly string[],
  name: string,
  ctx: Context,
  global: readonly string[] = [],
): Promise<Fetched> {
  const dir = await tempFolder('b4');
  try {
    const command = [
      ...['b4', '--no-stdin', ...global],
      ...['am', '--outdir', dir, '--mbox-name', 'series', ...argv],
    ];
    const result = await run(command, {
      cwd: dir,
      // Settings are the user's; what it writes beside the mails goes with the folder.
      env: {
        ...(await withIdentity(userEnvironment(), dir)),
        ...{ PATH: ctx.path, LC_ALL: 'C.UTF-8' },
        ...{ XDG_CACHE_HOME: join(dir, 'cache'), XDG_DATA_HOME: join(dir, 'data') },
        ...{ GIT_CEILING_DIRECTORIES: dirname(dir), GIT_TERMINAL_PROMPT: '0' },
      },
      signal: ctx.signal,
      timeoutMs: limitMs,
      keepBytes: 2 ** 20,
    });
    const names = (await readdir(dir)).filter((one) => /\.(cover|mbx)$/.test(one)).sort();
    if (result.code !== 0 || !names.includes('series.mbx')) throw b4Failed(command, result, name);
    const files: InputFile[] = [];
    for (const one of names) files.push({ name, text: await readFile(join(dir, one)) });
    return { files, notes: notesOf(result, argv.includes('--use-local-mbox')) };
  } finally {
    await removeTemp(dir);
  }
}

/** b4 0.12 ends without a word if git knows no user.email; it writes nobody's name into what we ask of it. */
async function withIdentity(
  env: Readonly<Record<string, string>>,
  dir: string,
): Promise<Record<string, string>> {
  // The system's configuration counts least, and what it includes counts more than what stands before.
  const file = join(dir, 'gitconfig');
  const include = env['GIT_CONFIG_SYSTEM'] ?? '/etc/gitconfig';
  const { name, email } = identity;
  const user = `[user]\n\tname = ${name}\n\temail = ${email}\n`;
  await writeFile(file, `${user}[include]\n\tpath = ${JSON.stringify(include)}\n`);
  return { ...env, GIT_CONFIG_SYSTEM: file };
}

/** What b4 says that whoever reads the verdict must know. */
function notesOf({ stderr, stdout }: RunResult, local: boolean): string[] {
  const text = `${stderr}\n${stdout}`;
  // Of a local mbox whoever reads the mails says which version it is, and what else there was.
  const latest = local ? undefined : /Will use the latest revision: (v\d+)/.exec(text)?.[1];
  return [
    ...(latest === undefined ? [] : [`b4 took ${latest}, the newest version in the thread`]),
    ...(/partial reroll from previous revisions/.test(text)
      ? ['b4 put the series together from two versions: only some patches were sent again']
      : []),
  ];
}

function b4Failed(command: readonly string[], result: RunResult, name: string): FailureError {
  const said = `${result.stdout}\n${result.stderr}`;
  if (/message-id is not known/.test(said))
    return new FailureError({
      blame: 'usage',
      code: 'unknown-message',
      title: `b4 knows no message '${name}'`,
      hint: 'Links to the message or its id are fine; is it in the archive already?',
    });
  if (/No patches found|No messages found/.test(said))
    return new FailureError({
      blame: 'usage',
      code: 'empty-series',
      title: `No patch found in the thread of ${name}`,
    });
  return failed(command, result, {
    what: `b4 cannot get ${name}`,
    ...(result.timedOut ? {} : { code: 'b4-failed' }),
    hint: 'Is the archive reachable? git config b4.midmask says which one is asked.',
  });
}
