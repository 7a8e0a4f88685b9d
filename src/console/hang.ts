// What a wedged kernel said when it was asked, by SysRq or NMI: where each CPU is, and what the blocked tasks wait in.
import { consoleLines } from './console-line.ts';
import { counterOf } from './frames.ts';
import { isGeneric } from './generic.ts';
import { guiltyOf } from './guilty.ts';

/** A CPU or a blocked task that the kernel showed. */
export interface ShownTask {
  /** Absent for a task that waits. */
  readonly cpu?: number;
  readonly pid?: number;
  readonly comm?: string;
  /** The first function of its trace that says something; absent for a CPU that idles or is in user space. */
  readonly function?: string;
  /** It looks for free memory: a guest that has none is slow, which is no hang. */
  readonly reclaims?: true;
}

export interface Hang {
  readonly cpus: readonly ShownTask[];
  readonly blocked: readonly ShownTask[];
  /**
   * Those that were in the same function for the same task each time they were shown, where that was more than once; not
   * those that look for memory.
   */
  readonly stuck: readonly ShownTask[];
}

const maxSections = 2000;
const maxLines = 200;

/** Reads what is on the console since it was asked. Total: what is no such text comes to nothing. */
export function readHang(text: string): Hang {
  const cpus: ShownTask[] = [];
  const blocked: ShownTask[] = [];
  for (const lines of sections(text).slice(0, maxSections)) {
    const [head = ''] = lines;
    const task = /^task:(.{1,64}?) +state:\S+ .*?pid:(\d+)/.exec(head);
    const name = whereOf(lines);
    const where = {
      ...(name === undefined ? {} : { function: name }),
      ...(lines.some((line) => reclaiming.test(line)) ? { reclaims: true as const } : {}),
    };
    if (task !== null) blocked.push({ comm: task[1] ?? '', pid: Number(task[2]), ...where });
    else {
      const who = lines.map((line) => whoLine.exec(line)).find((match) => match !== null);
      const cpu = Number(who?.[1] ?? /for cpu (\d+)/.exec(head)?.[1] ?? Number.NaN);
      if (Number.isNaN(cpu)) continue;
      const known = who === undefined ? {} : { pid: Number(who[2]), comm: who[3] ?? '' };
      cpus.push({ cpu, ...known, ...where });
    }
  }
  return { cpus, blocked, stuck: stuckOf(cpus) };
}

const sectionStart =
  /^(?:NMI backtrace for cpu \d+|task:.{1,64} state:|Kernel panic - not syncing: )/;
const whoLine = /^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (\S+)/;

function sections(text: string): string[][] {
  const found: string[][] = [];
  for (const raw of text.split('\n'))
    for (const { text: line } of consoleLines(raw.replace(/\r+$/, '').slice(0, 1000), 0, 0)) {
      if (sectionStart.test(line)) found.push([]);
      const last = found.at(-1);
      if (last !== undefined && last.length < maxLines) last.push(line);
    }
  return found;
}

const reclaiming =
  /\b(?:shrink_(?:node|lruvec|slab)\w*|(?:do_)?try_to_free_pages|out_of_memory|__alloc_pages_slowpath\w*)\+0x/;

const idling =
  /^(?:default_idle\w*|native_(?:safe_)?halt|pv_native_safe_halt|acpi_\w*idle\w*|mwait_idle\w*|intel_idle\w*)$/;

/** Without the context that only shows the trace: the NMI, and the interrupt of the console that brought the key. */
function whereOf(lines: readonly string[]): string | undefined {
  const asked = lines.some((line) => /\b(?:sysrq_handle_\w+|__handle_sysrq)\+0x/.test(line));
  let skipping: string | undefined;
  const own = lines.filter((line) => {
    const mark = /^\s*<(\/?)(NMI|IRQ)>/.exec(line);
    if (mark !== null && (mark[2] === 'NMI' || asked))
      skipping = mark[1] === '' ? mark[2] : undefined;
    // The registers in it are those of what it came upon.
    return skipping === undefined || (skipping === 'NMI' && counterOf(line) !== undefined);
  });
  const counter = own.map(counterOf).find((name) => name !== undefined);
  if (counter !== undefined && idling.test(counter)) return undefined;
  if (counter !== undefined && !isGeneric(counter)) return counter;
  return guiltyOf(own);
}

function stuckOf(cpus: readonly ShownTask[]): ShownTask[] {
  const first = new Map<number, ShownTask>();
  const moved = new Set<number>();
  const again = new Set<number>();
  for (const one of cpus) {
    const { cpu = -1 } = one;
    const before = first.get(cpu);
    if (before === undefined) first.set(cpu, one);
    else again.add(cpu);
    const same =
      before === undefined || (before.pid === one.pid && before.function === one.function);
    if (one.function === undefined || one.reclaims === true || !same) moved.add(cpu);
  }
  return [...first].flatMap(([cpu, one]) => (again.has(cpu) && !moved.has(cpu) ? [one] : []));
}
