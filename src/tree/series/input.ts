// What a series is given as: files, folders, ranges of the tree, message ids. Comes out as bytes, none of it believed yet.
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import { exists, hasCode } from '../../util/files.ts';
import { fetchThread } from './fetch.ts';
import { findRange, readRange } from './range.ts';
import type { Source } from '../source.ts';

export interface InputFile {
  /** For messages. */
  readonly name: string;
  readonly text: Buffer;
}

export interface Input {
  /** As the user gave it. */
  readonly name: string;
  /** quilt: a folder whose `series` file says the order; thread: what b4 made of a message id. */
  readonly kind: 'file' | 'folder' | 'quilt' | 'range' | 'thread';
  readonly files: readonly InputFile[];
  /** For a range: the commit that its patches begin after. */
  readonly from?: string;
  readonly notes: readonly string[];
}

/** More than this is no series: a kernel's largest are generated headers of some 20 MB. */
export const seriesLimitBytes = 64 * 2 ** 20;

/**
 * Reads every input; nothing is kept of a file beyond the limit.
 * Throws usage/no-series, usage/unreadable, usage/series-too-large, usage/not-a-series, usage/unknown-revision, and what
 * fetchThread() throws.
 */
export async function readInputs(
  source: Source,
  inputs: readonly string[],
  ctx: Context,
): Promise<Input[]> {
  const read: Input[] = [];
  let left = seriesLimitBytes;
  for (const input of inputs) {
    const one = await readInput(source, input, left, ctx);
    for (const { name, text } of one.files) {
      left -= text.length;
      if (left < 0) throw tooLarge(name);
      mustBeText(name, text);
    }
    read.push(one);
  }
  return read;
}

async function readInput(
  source: Source,
  input: string,
  left: number,
  ctx: Context,
): Promise<Input> {
  if (await exists(input)) {
    if ((await stat(input)).isDirectory()) return readFolder(input, left);
    const file = { name: input, text: await readBounded(input, left) };
    return { name: input, kind: 'file', files: [file], notes: [] };
  }
  const link = /^https?:\/\/\S+$/.test(input);
  const range = link ? undefined : await findRange(source, input, looksLikeMessageId(input), ctx);
  if (range !== undefined) return { kind: 'range', ...(await readRange(source, range, ctx)) };
  if (!link && !looksLikeMessageId(input)) throw noSeries(input);
  return { name: input, kind: 'thread', ...(await fetchThread(input, ctx)) };
}

/** `<…@…>` or the same without brackets. Not `HEAD@{1}` or `@{upstream}`. */
const looksLikeMessageId = (input: string): boolean =>
  /^(?:\w*id:)?<?[^\s<>@{}]+@[^\s<>@{}]+>?$/.test(input);

async function readFolder(dir: string, left: number): Promise<Input> {
  const names = await readdir(dir);
  const listed = names.includes('series')
    ? (await readFile(join(dir, 'series'), 'utf8'))
        .split('\n')
        .map((line) => line.replace(/\s*#.*$/, '').split(/\s+/)[0] ?? '')
        .filter((name) => name !== '')
    : undefined;
  const chosen =
    listed ?? names.filter((name) => /\.(patch|diff|mbox|mbx|eml)(\.gz)?$/.test(name)).sort();
  const files: InputFile[] = [];
  for (const name of chosen) {
    const text = await readBounded(join(dir, name), left);
    left -= text.length;
    files.push({ name, text });
  }
  return { name: dir, kind: listed === undefined ? 'folder' : 'quilt', files, notes: [] };
}

/** The whole file, unpacked if it is gzip's, as lore's mboxes are. Reads no more than the limit, whatever it is. */
async function readBounded(path: string, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    await using file = await open(path, 'r');
    const info = await file.stat();
    if (info.isFile() && info.size > limit) throw tooLarge(path, info.size);
    let size = 0;
    for (;;) {
      // Pipes and devices have no size; their end is only seen by reading on.
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2 ** 20), 0, 2 ** 20);
      if (bytesRead === 0) break;
      size += bytesRead;
      if (size > limit) throw tooLarge(path);
      pieces.push(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EISDIR', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EIO')) throw error;
    throw new FailureError(
      { blame: 'usage', code: 'unreadable', title: `Cannot read ${path}` },
      { cause: error },
    );
  }
  const bytes = Buffer.concat(pieces);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? unpack(path, bytes, limit) : bytes;
}

async function unpack(path: string, bytes: Buffer, limit: number): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: Math.max(1, limit) });
  } catch (error) {
    if (hasCode(error, 'ERR_BUFFER_TOO_LARGE')) throw tooLarge(path);
    throw notASeries(path, 'gzip cannot unpack it', error);
  }
}

function mustBeText(name: string, text: Buffer): void {
  const at = text.indexOf(0);
  if (at !== -1) throw notASeries(name, `byte ${at} is NUL`);
  // mailsplit would make a file of each.
  let mails = 0;
  for (let from = 0; from !== -1; from = text.indexOf('\nFrom ', from + 1)) mails++;
  if (mails > mailsLimit)
    throw new FailureError({
      blame: 'usage',
      code: 'series-too-large',
      title: `${name} holds more than ${mailsLimit} mails: that is an archive, no series`,
      hint: 'Give the thread of the one series.',
    });
}

const mailsLimit = 5000;

const notASeries = (name: string, why: string, cause?: unknown): FailureError =>
  new FailureError(
    {
      blame: 'usage',
      code: 'not-a-series',
      title: `${name} is no mbox, mail or diff: ${why}`,
      hint: givable,
    },
    { cause },
  );

const tooLarge = (name: string, bytes?: number): FailureError =>
  new FailureError({
    blame: 'usage',
    code: 'series-too-large',
    title: `${name} ${bytes === undefined ? 'is' : `has ${Math.ceil(bytes / 2 ** 20)} MiB,`} more than the ${seriesLimitBytes / 2 ** 20} MiB that a series may have`,
    hint: givable,
  });

/** What a series can be given as, for hints. */
export const givable =
  'Give an mbox, a folder of patches, a diff, a range A..B of --tree, or a message id.';

const noSeries = (input: string): FailureError =>
  new FailureError({
    blame: 'usage',
    code: 'no-series',
    title: `There is no file, folder or range '${input}'`,
    hint: givable,
  });
