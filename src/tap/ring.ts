// The last comment lines before a point: what a failing one gets as its diagnostics.
import { limits } from '../core/limits.ts';

const { diagnosticLines: maxLines, diagnosticCharacters: maxCharacters } = limits;

export function ringOf() {
  const slots = new Array<string>(maxLines).fill('');
  let next = 0;
  let filled = 0;
  return {
    push(text: string): void {
      slots[next] = text;
      next = next + 1 === maxLines ? 0 : next + 1;
      if (filled < maxLines) filled++;
    },
    clear(): void {
      filled = 0;
    },
    /** Oldest first. The newest lines win when there are too many characters. */
    take(): string[] {
      const lines: string[] = [];
      let left = maxCharacters;
      for (let back = 1; back <= filled; back++) {
        const text = (slots[(next - back + maxLines) % maxLines] ?? '').trimEnd();
        if (text.length > left) {
          if (lines.length === 0) lines.push(detached(`${text.slice(0, left)}…`));
          break;
        }
        left -= text.length;
        lines.push(detached(text));
      }
      return lines.reverse();
    },
  };
}

/** A copy of its own: a slice would keep the whole chunk it was cut from in memory. Joined text is flattened into a new one. */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
