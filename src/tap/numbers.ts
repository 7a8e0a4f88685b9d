// Which result numbers of a document were seen. Free for 1, 2, 3, …; a bit per number once they come in another order.

/** Numbers above this are not remembered one by one: no stream has as many points. */
const maxTracked = 2 ** 21;
const maxRanges = 2000;

export interface Numbers {
  readonly count: number;
  readonly max: number;
  has(id: number): boolean;
  /** Returns what is wrong with this number coming now, if anything. */
  add(id: number): string | undefined;
  /** Numbers of 1..planned that were not seen; the ranges may stop early, the count is of all. */
  missing(planned: number): { count: number; ranges: [number, number][] };
}

export function newNumbers(): Numbers {
  let max = 0;
  let count = 0;
  /** Undefined as long as all of 1..max were seen, in order. */
  let bits: Uint8Array | undefined;

  function isSet(id: number): boolean {
    return id <= maxTracked && (((bits?.[id >> 3] ?? 0) >> (id & 7)) & 1) === 1;
  }

  function set(id: number): void {
    if (id > maxTracked) return;
    if (bits === undefined || bits.length <= id >> 3) {
      const grown = new Uint8Array(Math.max((id >> 3) + 1, (bits?.length ?? 0) * 2));
      if (bits === undefined) for (let at = 1; at <= max; at++) mark(grown, at);
      else grown.set(bits);
      bits = grown;
    }
    mark(bits, id);
  }

  function has(id: number): boolean {
    if (bits === undefined) return id >= 1 && id <= max;
    return isSet(id);
  }

  return {
    get count() {
      return count;
    },
    get max() {
      return max;
    },
    has,
    add(id) {
      count++;
      if (id === max + 1) {
        if (bits !== undefined) set(id);
        max = id;
        return undefined;
      }
      if (has(id)) return `number ${id} comes twice`;
      const trouble = id > max ? `number ${id} follows ${max}` : `number ${id} comes after ${max}`;
      set(id);
      max = Math.max(max, id);
      return trouble;
    },
    missing(planned) {
      const ranges: [number, number][] = [];
      if (bits === undefined) {
        if (max < planned) ranges.push([max + 1, planned]);
        return { count: Math.max(0, planned - max), ranges };
      }
      const last = Math.min(planned, maxTracked);
      let beyond = 0;
      for (let id = 1, from = 0; id <= last + 1; id++) {
        if (id <= last && !isSet(id)) {
          if (from === 0) from = id;
          beyond++;
        } else if (from > 0) {
          if (ranges.length < maxRanges) ranges.push([from, id - 1]);
          from = 0;
        }
      }
      if (planned > maxTracked) {
        ranges.push([maxTracked + 1, planned]);
        beyond += planned - maxTracked;
      }
      return { count: beyond, ranges };
    },
  };
}

function mark(bits: Uint8Array, id: number): void {
  bits[id >> 3] = (bits[id >> 3] ?? 0) | (1 << (id & 7));
}
