// The `newc` archive format that the kernel unpacks as its initramfs.
// Format: Documentation/driver-api/early-userspace/buffer-format.rst. Archives may be concatenated: each part here
// is one layer of a guest image.

/** One entry; `mode` holds the permission bits only. Everything belongs to root. */
export type CpioEntry =
  | { readonly path: string; readonly kind: 'directory'; readonly mode?: number }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly mode: number;
      readonly data: Uint8Array;
    }
  | { readonly path: string; readonly kind: 'symlink'; readonly target: string };

const typeBits = { directory: 0o040000, file: 0o100000, symlink: 0o120000 } as const;

/**
 * The archive of the given entries, with the folders above them added, padded to 512 bytes so that another can follow.
 * The same entries always give the same bytes: sorted, no times, no owners.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = new Map<string, CpioEntry>();
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, '');
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at);
      if (!all.has(parent)) all.set(parent, { path: parent, kind: 'directory' });
    }
    all.set(path, entry);
  }
  const parts: Uint8Array[] = [];
  let inode = 1;
  for (const path of [...all.keys()].sort()) {
    const entry = all.get(path);
    if (entry !== undefined) parts.push(...member(path, entry, inode++));
  }
  parts.push(
    ...member('TRAILER!!!', { path: '', kind: 'file', mode: 0, data: new Uint8Array() }, 0),
  );
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  parts.push(new Uint8Array((512 - (size % 512)) % 512));
  return Buffer.concat(parts);
}

function member(path: string, entry: CpioEntry, inode: number): Uint8Array[] {
  const data =
    entry.kind === 'file'
      ? entry.data
      : entry.kind === 'symlink'
        ? Buffer.from(entry.target)
        : new Uint8Array();
  const permissions =
    entry.kind === 'symlink'
      ? 0o777
      : entry.kind === 'directory'
        ? (entry.mode ?? 0o755)
        : entry.mode;
  const name = Buffer.from(`${path}\0`);
  const fields = [
    inode,
    inode === 0 ? 0 : typeBits[entry.kind] | permissions,
    0, // uid
    0, // gid
    1, // nlink
    0, // mtime
    data.length,
    0, // devmajor
    0, // devminor
    0, // rdevmajor
    0, // rdevminor
    name.length,
    0, // check
  ];
  const header = Buffer.from(
    `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
  );
  return [
    header,
    name,
    new Uint8Array((4 - ((header.length + name.length) % 4)) % 4),
    data,
    new Uint8Array((4 - (data.length % 4)) % 4),
  ];
}
