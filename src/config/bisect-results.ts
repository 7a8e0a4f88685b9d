// bisect.json for those who read it: the same shape as report/bisect-json.ts, held against it by a test.
import { z } from 'zod';

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const commit = z.string().meta({ description: 'Object id; of configurations: a line of one' });

const answer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('culprit'),
    commit,
    confidence: share.meta({ description: 'Probability that it is right, at least' }),
  }),
  z.strictObject({
    kind: z.literal('range'),
    commits: z.array(commit).min(2).meta({ description: 'One of these, oldest first' }),
    confidence: share,
    reason: z.string(),
  }),
  z.strictObject({
    kind: z.literal('none'),
    code: z.string().meta({ description: 'Short and stable, e.g. bad-end-good' }),
    reason: z.string(),
    commit,
  }),
  z.strictObject({ kind: z.literal('unfinished') }),
]);

const path = z.array(z.string()).min(2).meta({ description: 'suite, test, case' });

const predicate = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('test'), path, errorIsBad: z.boolean() }),
    z.strictObject({ kind: z.literal('timing'), path, maxMs: z.number().nonnegative() }),
    z.strictObject({ kind: z.literal('splat'), title: z.string() }),
    z.strictObject({ kind: z.literal('boot') }),
    z.strictObject({ kind: z.literal('cmd'), suite: z.string(), command: z.string() }),
  ])
  .meta({ description: 'What bad is' });

export const bisectSchema = z
  .strictObject({
    schema: z.literal(1),
    answer,
    predicate,
    job: z.string().meta({ description: 'suite@topology' }),
    tests: z.array(z.string()),
    bad: commit,
    good: z.array(commit),
    firstParent: z.boolean(),
    startedAt: z.string(),
    argv: z.array(z.string()),
    settings: z.strictObject({
      confidence: share.meta({ description: 'Asked for' }),
      rate: share.optional(),
      maxRuns: z.int(),
      patience: z.int(),
      retries: count,
      prove: z.boolean(),
    }),
    rate: z
      .strictObject({ bad: count, of: count, atLeast: share })
      .optional()
      .meta({ description: 'How often it shows at the bad end' }),
    proof: z
      .strictObject({
        again: z
          .strictObject({ bad: count, of: count })
          .meta({ description: 'The culprit, run again' }),
        bases: z
          .array(z.strictObject({ good: count }))
          .meta({ description: 'Runs, all good, of what the culprit builds on' }),
        revert: z
          .strictObject({
            applies: z.boolean(),
            why: z.string().optional(),
            commit: commit.optional(),
            bad: count.optional(),
            good: count.optional(),
            passes: z.boolean().optional(),
          })
          .optional()
          .meta({ description: 'The bad end with the culprit reverted' }),
      })
      .optional(),
    effort: z.strictObject({
      kernels: count,
      searched: count.meta({ description: 'Kernels that the search asked for' }),
      least: count.meta({ description: 'ceil(log2 n) of n commits' }),
      runs: count,
      ms: z.number().nonnegative(),
    }),
    commits: z.array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        author: z.string(),
        date: z.string(),
        people: z.array(z.string()),
      }),
    ),
  })
  .meta({ title: 'pgmap bisect.json' });
