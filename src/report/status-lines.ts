// The last lines of a terminal, written over again and again. Source: ECMA-48, CUU, EL and ED; xterm's DECTCEM for the cursor.
import { width } from './escape.ts';

/** Puts `permanent` where the status lines stood and `lines` below it. False if there was nothing to draw. */
export type Draw = (permanent: readonly string[], lines: readonly string[]) => boolean;

/** `columns` is asked each time: a window that was made narrower has wrapped what it shows. */
export function newStatusLines(write: (text: string) => void, columns: () => number): Draw {
  /** Widths of the lines that stand on the screen now. */
  let drawn: readonly number[] = [];
  let drawnText = '';
  let hidden = false;

  return (permanent, lines) => {
    const rows = drawn.reduce((sum, used) => sum + Math.max(1, Math.ceil(used / columns())), 0);
    if (permanent.length === 0 && rows > 0 && lines.join('\n') === drawnText) return false;
    // Every line is written over the old one, and only what remains below is erased; all in one write, so that nothing flickers.
    let text = rows > 0 ? `\r${esc}[${rows}A` : '';
    for (const line of [...permanent, ...lines]) text += `${line}${esc}[K\n`;
    if (rows > 0) text += `${esc}[J`;
    if (lines.length > 0 && !hidden) text = `${esc}[?25l${text}`;
    if (lines.length === 0 && hidden) text += `${esc}[?25h`;
    hidden = lines.length > 0;
    drawn = lines.map(width);
    drawnText = lines.join('\n');
    if (text !== '') write(text);
    return true;
  };
}

const esc = '\u001b';
