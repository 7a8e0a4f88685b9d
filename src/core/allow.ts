// Which kernel reports a suite expects.
import type { Splat } from './event.ts';
import type { Allow, Suite } from './suite.ts';

/** The entry that covers a report; `during`: the tests that it came in, as `suite > test`. */
export const allowFor = (
  suite: Pick<Suite, 'name' | 'allow'>,
  { title, text }: Pick<Splat, 'title' | 'text'>,
  during: readonly string[],
): Allow | undefined =>
  suite.allow.find(
    (entry) =>
      new RegExp(entry.splat).test(title) &&
      (entry.text === undefined || new RegExp(entry.text).test(text)) &&
      (entry.during === undefined ||
        (during.length > 0 &&
          during.every((test) =>
            entry.during?.some((name) => test === `${suite.name} > ${name}`),
          ))),
  );
