// Which mails of a thread are the series, in which order: the newest version, by number, without replies.
import { FailureError } from '../../core/failure.ts';
import type { Mail } from './mail.ts';

/** What this file reads of a mail. */
export type Candidate = Pick<Mail, 'name' | 'patch' | 'subject'>;

export interface Chosen<M extends Candidate> {
  readonly patches: readonly M[];
  readonly cover?: M;
  /** `2 of 5` that should be there and are not. */
  readonly missing: readonly string[];
  /** What was left aside, for people: `v1`, `3 replies`. */
  readonly left: readonly string[];
  /** One series, and not only that: what b4 is good at. */
  readonly thread: boolean;
  /** Replies were left aside. */
  readonly replies: boolean;
}

/**
 * Takes the newest version out of what is one conversation. Mails without [PATCH] have no version and stay.
 * Throws usage/patch-duplicate.
 */
export function chooseSeries<M extends Candidate>(mails: readonly M[]): Chosen<M> {
  const replies = mails.filter((mail) => mail.subject.reply);
  const fresh = mails.filter((mail) => !mail.subject.reply);
  // A reply that is all there is was meant.
  const own = fresh.some((mail) => mail.patch !== '') ? fresh : mails;
  const versions = new Set(
    own.flatMap(({ patch, subject }) => (patch !== '' && subject.tagged ? [subject.version] : [])),
  );
  const newest = Math.max(...versions);
  const current = own.filter(
    ({ subject }) => versions.size < 2 || !subject.tagged || subject.version === newest,
  );
  const patches = inOrder(current.filter((mail) => mail.patch !== ''));
  const totals = new Set(patches.map((mail) => mail.subject.place?.total));
  const letters = current.filter((mail) => mail.patch === '');
  const cover = letters.find((mail) => mail.subject.place?.number === 0) ?? letters[0];
  const older = [...versions].filter((version) => version !== newest).sort((a, b) => a - b);
  const dropped = own === mails ? 0 : replies.length;
  return {
    patches,
    ...(cover === undefined ? {} : { cover }),
    missing: missingOf(patches),
    left: [
      ...older.map((version) => `v${version}`),
      ...(dropped === 0 ? [] : [dropped === 1 ? '1 reply' : `${dropped} replies`]),
    ],
    thread:
      totals.size === 1 &&
      (patches.length === 1 || !totals.has(undefined)) &&
      (older.length > 0 || dropped > 0),
    replies: dropped > 0,
  };
}

/** Patches that were picked one by one: by number if that says all, else as they were given. */
export function inGivenOrder<M extends Candidate>(mails: readonly M[]): Chosen<M> {
  const patches = mails.filter((mail) => mail.patch !== '');
  const cover = mails.find((mail) => mail.patch === '');
  const of = (mail: M): string =>
    `${mail.subject.version} ${mail.subject.place?.total ?? 'without number'}`;
  const numbers = patches.map((mail) => mail.subject.place?.number ?? 0);
  const clear =
    new Set(patches.map(of)).size === 1 &&
    !numbers.includes(0) &&
    new Set(numbers).size === numbers.length;
  return {
    patches: clear ? patches.toSorted(byNumber) : patches,
    ...(cover === undefined ? {} : { cover }),
    missing: clear ? missingOf(patches) : [],
    left: [],
    thread: false,
    replies: false,
  };
}

const byNumber = (a: Candidate, b: Candidate): number =>
  (a.subject.place?.number ?? 0) - (b.subject.place?.number ?? 0);

/** Those with the same total belong together, where the first of them stands. */
function inOrder<M extends Candidate>(patches: readonly M[]): M[] {
  const groups = new Map<string, M[]>();
  for (const [at, mail] of patches.entries()) {
    const total = mail.subject.place?.total;
    const key = total === undefined ? `at ${at}` : `of ${total}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    const same = group.find((other) => byNumber(other, mail) === 0);
    if (same === undefined) group.push(mail);
    // The same mail over two lists is one patch.
    else if (same.patch !== mail.patch) throw duplicate(same, mail);
  }
  return [...groups.values()].flatMap((group) => group.sort(byNumber));
}

function missingOf(patches: readonly Candidate[]): string[] {
  const totals = new Set(patches.flatMap(({ subject }) => subject.place?.total ?? []));
  return [...totals].flatMap((total) => {
    const there = new Set(
      patches.flatMap(({ subject: { place } }) => (place?.total === total ? [place.number] : [])),
    );
    return Array.from({ length: total }, (_, at) => at + 1)
      .filter((number) => !there.has(number))
      .map((number) => `${number} of ${total}`);
  });
}

function duplicate(one: Candidate, other: Candidate): FailureError {
  const { number = 0, total = 0 } = one.subject.place ?? {};
  return new FailureError({
    blame: 'usage',
    code: 'patch-duplicate',
    title: `There are two patches ${number} of ${total}: '${one.subject.title}' and '${other.subject.title}'`,
    detail: [...new Set([one.name, other.name])].join('\n'),
    hint: 'Give one series, or the patch files one by one in the order to apply them.',
  });
}
