// Columns and colours of the terminal reports. Colours carry nothing that the words do not say.
import picocolors from 'picocolors';
import type { Status } from '../core/status.ts';
import { cut, width } from './escape.ts';

export interface Palette {
  readonly status: (status: Status, text?: string) => string;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  /** Must not be overlooked. */
  readonly loud: (text: string) => string;
}

/** With `color` false every function returns its text as it is. */
export function palette(color: boolean): Palette {
  const colors = picocolors.createColors(color);
  const byStatus: Record<Status, (text: string) => string> = {
    FAIL: (text) => colors.bold(colors.red(text)),
    ERROR: (text) => colors.bold(colors.magenta(text)),
    MISS: (text) => colors.bold(colors.yellow(text)),
    PASS: colors.green,
    SKIP: colors.cyan,
  };
  return {
    status: (status, text = status) => byStatus[status](text),
    bold: (text) => colors.bold(text),
    dim: (text) => colors.dim(text),
    loud: (text) => colors.bold(colors.yellow(text)),
  };
}

/** Text that is visible already, and how to paint it once it is padded. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
  readonly right?: boolean;
}

/** Rows with columns as wide as their widest cell and two spaces between; the last column is cut to `columns`. */
export function table(rows: readonly (readonly Cell[])[], columns: number): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, width(cell.text));
  return rows.map((row) => {
    let line = '';
    let used = 0;
    for (const [index, cell] of row.entries()) {
      const last = index === row.length - 1;
      const room = Math.max(8, columns - used);
      const text = last ? cut(cell.text, room) : cell.text;
      const pad = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(text)));
      const padded = cell.right === true ? pad + text : last ? text : text + pad;
      line += (cell.paint?.(padded) ?? padded) + (last ? '' : '  ');
      used += width(padded) + 2;
    }
    return line.trimEnd();
  });
}
