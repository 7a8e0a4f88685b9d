// A tar stream as a git fast-import stream: a source package becomes one commit without ever being unpacked to disk.
// Formats: POSIX.1-1988 ustar, pax and GNU long names, see tar(5) of libarchive and git-fast-import(1).
import { FailureError } from '../core/failure.ts';

export interface ImportCommit {
  /** Full ref name, e.g. `refs/tags/distro/6.12.117-1`. */
  readonly ref: string;
  readonly message: string;
  /** `Name <mail> seconds +0000`. */
  readonly committer: string;
}

/**
 * Yields the fast-import commands for one commit with every file and symbolic link of the archive, without the
 * archive's top folder. A stream that stops early lacks the final `done`, and fast-import then throws all of it away.
 */
export async function* fastImport(
  archive: AsyncIterable<Uint8Array>,
  commit: ImportCommit,
): AsyncGenerator<Uint8Array> {
  // A kernel is 87,000 files, most of them small: fewer and larger writes.
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of commands(archive, commit)) {
    pieces.push(piece);
    size += piece.length;
    if (size < 2 ** 20) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    size = 0;
  }
  yield Buffer.concat(pieces);
}

async function* commands(
  archive: AsyncIterable<Uint8Array>,
  commit: ImportCommit,
): AsyncGenerator<Uint8Array> {
  const message = Buffer.from(commit.message);
  yield Buffer.from(
    `feature done\ncommit ${commit.ref}\ncommitter ${commit.committer}\ndata ${message.length}\n${commit.message}\n`,
  );
  const source = reader(archive);
  let long: { path?: string; link?: string } = {};
  for (;;) {
    const header = await source.take(block);
    if (header.every((byte) => byte === 0)) break;
    const entry = parseHeader(header);
    const padded = Math.ceil(entry.size / block) * block;
    if (entry.type === 'L' || entry.type === 'K' || entry.type === 'x' || entry.type === 'g') {
      const data = (await source.take(padded)).subarray(0, entry.size);
      if (entry.type === 'L') long = { ...long, path: text(data) };
      if (entry.type === 'K') long = { ...long, link: text(data) };
      if (entry.type === 'x') long = { ...long, ...paxNames(data) };
      continue;
    }
    const path = (long.path ?? entry.path).replace(/^(\.\/)*[^/]+\//, '');
    const link = Buffer.from(long.link ?? entry.link);
    long = {};
    if (entry.type === '5') continue;
    if (entry.type === '2') {
      yield Buffer.from(`M 120000 inline ${quotePath(path)}\ndata ${link.length}\n`);
      yield link;
    } else if (entry.type === '0') {
      const mode = (entry.mode & 0o100) === 0 ? '100644' : '100755';
      yield Buffer.from(`M ${mode} inline ${quotePath(path)}\ndata ${entry.size}\n`);
      yield* source.pass(entry.size);
      await source.take(padded - entry.size);
    } else throw broken(`entry '${path}' is of type '${entry.type}'`);
    yield newline;
  }
  yield Buffer.from('done\n');
  // Archives are padded; whoever writes this one must be able to finish.
  await source.drain();
}

const block = 512;
const newline = Buffer.from('\n');

interface Entry {
  readonly path: string;
  readonly link: string;
  readonly mode: number;
  readonly size: number;
  /** '0' file, '2' symbolic link, '5' folder, 'L' 'K' GNU long name and link, 'x' 'g' pax headers. */
  readonly type: string;
}

function parseHeader(header: Buffer): Entry {
  let sum = 0;
  header.forEach((byte, at) => (sum += at >= 148 && at < 156 ? 32 : byte));
  if (sum !== octal(header.subarray(148, 156))) throw broken('a header has a wrong checksum');
  const type = String.fromCharCode(header[156] ?? 0);
  // Old GNU archives use the prefix field for other things; only `ustar\0` promises one.
  const posix = header.subarray(257, 263).equals(Buffer.from('ustar\0'));
  const prefix = posix ? text(header.subarray(345, 500)) : '';
  const name = text(header.subarray(0, 100));
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    link: text(header.subarray(157, 257)),
    mode: octal(header.subarray(100, 108)),
    size: octal(header.subarray(124, 136)),
    type: type === '\0' ? '0' : type,
  };
}

function octal(field: Buffer): number {
  const digits = text(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw broken('a header has a number that is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

/** `path` and `linkpath` of a pax header, whose records are `<length> <key>=<value>\n`. */
function paxNames(data: Buffer): { path?: string; link?: string } {
  const names: { path?: string; link?: string } = {};
  for (let at = 0; at < data.length;) {
    const length = Number.parseInt(data.toString('latin1', at, at + 20), 10);
    if (!(length > 0)) throw broken('a pax header cannot be read');
    const record = data.toString('utf8', at, at + length - 1);
    const [, key, value] = /^\d+ ([^=]+)=([^]*)$/.exec(record) ?? [];
    if (key === 'path' && value !== undefined) names.path = value;
    if (key === 'linkpath' && value !== undefined) names.link = value;
    at += length;
  }
  return names;
}

/** A path as fast-import reads it: quoted like a C string. */
function quotePath(path: string): string {
  const escaped = path.replaceAll(/["\\\n]/g, (c) => (c === '\n' ? String.raw`\n` : `\\${c}`));
  return `"${escaped}"`;
}

interface Reader {
  /** Exactly `count` bytes. */
  take(count: number): Promise<Buffer>;
  /** The next `count` bytes in the pieces in which they came. */
  pass(count: number): AsyncGenerator<Uint8Array>;
  /** Reads the rest of the stream and throws it away. */
  drain(): Promise<void>;
}

function reader(stream: AsyncIterable<Uint8Array>): Reader {
  const chunks = stream[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const refill = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done === true) throw broken('it ends too early');
    held = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
  };
  async function* pass(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (held.length === 0) await refill();
      const piece = held.subarray(0, left);
      held = held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    pass,
    drain: async () => {
      while ((await chunks.next()).done !== true);
    },
    take: async (count) => {
      if (held.length >= count) {
        const piece = held.subarray(0, count);
        held = held.subarray(count);
        return piece;
      }
      const pieces: Uint8Array[] = [];
      for await (const piece of pass(count)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
  };
}

function broken(why: string): FailureError {
  return new FailureError({
    blame: 'lab',
    code: 'archive-broken',
    title: `The source archive cannot be read: ${why}`,
    hint: 'Reinstall the package that it came with.',
  });
}
