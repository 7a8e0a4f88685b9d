// Looking into console.log while QEMU writes it.
import { open, stat } from 'node:fs/promises';

/** Bytes; 0 for a file that is not there. */
export const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => undefined))?.size ?? 0;

/** Whether a text is in the first 64 KiB of a file behind an offset. */
export async function says(path: string, from: number, text: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, from);
    return buffer.subarray(0, bytesRead).includes(text);
  } finally {
    await file.close();
  }
}

/** What stands behind an offset, the last `most` bytes of it. */
export async function readTail(path: string, from: number, most: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(Math.max(size - from, 0), most);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
