// Names made unique. A stream may hold a million: where there are many, they are told apart by hashes of 64 bits instead of
// being kept. Names that share one by chance (one stream in 10^7) only cost one of them a number it did not need.
import { randomInt } from 'node:crypto';
import { detached } from './ring.ts';

export interface Names {
  /** Bytes that are kept, roughly. */
  readonly bytes: number;
  /** The name itself; where it is taken, with the first free number: `name (2)`. A copy: what was cut from a chunk keeps the chunk. */
  unique(name: string): string;
}

/** Most groups have few names, for which a table of hashes is not worth its making. */
const fewNames = 500;
/** What the engine spends on a name that is kept, beside its characters. */
const perName = 100;

export function newNames(): Names {
  const few = new Set<string>();
  let many: Hashes | undefined;
  /** The last number given to a name that came more than once. */
  let repeats: Map<string, number> | undefined;
  let fewBytes = 0;
  let repeatBytes = 0;

  /** False if it was there. */
  function add(name: string): boolean {
    if (many !== undefined) return many.add(name);
    if (few.has(name)) return false;
    few.add(name);
    fewBytes += name.length + perName;
    if (few.size === fewNames) {
      many = newHashes();
      for (const one of few) many.add(one);
      few.clear();
      fewBytes = 0;
    }
    return true;
  }

  return {
    get bytes() {
      return fewBytes + repeatBytes + (many?.bytes ?? 0);
    },
    unique(text) {
      const name = detached(text);
      if (add(name)) return name;
      let number = repeats?.get(name) ?? 1;
      if (number === 1) repeatBytes += name.length + perName;
      let candidate: string;
      do candidate = `${name} (${++number})`;
      while (!add(candidate));
      repeats ??= new Map();
      repeats.set(name, number);
      return candidate;
    },
  };
}

interface Hashes {
  readonly bytes: number;
  /** False if it was there. */
  add(text: string): boolean;
}

/** Of each process its own: a guest that knew them could print names that all fall on one place, and the search would not end. */
const secret = () => randomInt(2 ** 32);
const [startHigh, startLow] = [secret(), secret()];
/** 5 modulo 8, as for generators that multiply. */
const [factorHigh, factorLow] = [(secret() & ~7) | 5, (secret() & ~7) | 5];

function newHashes(): Hashes {
  /** Two words for each slot, both 0 in a free one; a power of two of them. */
  let slots = new Uint32Array(2 * 1024);
  let mask = 1023;
  let taken = 0;

  function insert(high: number, low: number): boolean {
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const own = slots[2 * slot];
      const other = slots[2 * slot + 1];
      if (own === high && other === low) return false;
      if (own !== 0 || other !== 0) continue;
      slots[2 * slot] = high;
      slots[2 * slot + 1] = low;
      taken++;
      return true;
    }
  }

  function grow(): void {
    const before = slots;
    slots = new Uint32Array(2 * before.length);
    mask = 2 * mask + 1;
    taken = 0;
    for (let at = 0; at < before.length; at += 2) {
      const high = before[at] ?? 0;
      const low = before[at + 1] ?? 0;
      if (high !== 0 || low !== 0) insert(high, low);
    }
  }

  return {
    get bytes() {
      return slots.byteLength;
    },
    /** Two in the manner of FNV-1a, the second of which also takes of the first; mixed at the end as murmur3 does. */
    add(text) {
      if (2 * taken > mask) grow();
      let high = startHigh;
      let low = startLow;
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        high = Math.imul(high ^ code, factorHigh);
        low = Math.imul(low ^ code ^ (high >>> 15), factorLow);
      }
      // Never both 0.
      return insert(mixed(high), mixed(low ^ text.length) || 1);
    },
  };
}

/** From 0 to 2^32 - 1. */
function mixed(word: number): number {
  let value = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
