// results.json for those who read it: the same shape as core/result.ts, held against it by a test.
import { z } from 'zod';

const status = z.enum(['FAIL', 'ERROR', 'MISS', 'PASS', 'SKIP']);
const ms = z.number().nonnegative();

const failure = z.strictObject({
  blame: z.enum(['series', 'test', 'lab', 'usage', 'tool']),
  code: z.string().meta({ description: 'Short and stable, e.g. boot-silent' }),
  title: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  artifact: z.string().optional(),
});

const step = z.strictObject({
  step: z.string(),
  status,
  ms,
  note: z.string().optional(),
  failure: failure.optional(),
});

const rate = z.strictObject({
  bad: z.int(),
  of: z.int().meta({ description: 'Runs that could tell' }),
});

const point = z.strictObject({
  path: z.array(z.string()).min(1).meta({ description: 'suite, test, case; without numbers' }),
  status,
  directive: z.strictObject({ name: z.string(), reason: z.string() }).optional(),
  diagnostics: z.array(z.string()),
  ms: ms.optional(),
  rate: rate
    .optional()
    .meta({ description: 'How many rounds were not green, where they disagree' }),
});

const splat = z.strictObject({
  title: z.string().meta({ description: 'Equal across runs: no addresses, pids or times' }),
  kind: z.string(),
  from: z.int().meta({ description: 'Byte offset into console.log' }),
  to: z.int(),
  text: z.string(),
  during: z.array(z.string()),
  allowed: z.string().optional(),
  round: z.int().optional().meta({ description: 'Of its job, if that is not the first' }),
});

const change = z.strictObject({
  path: z.array(z.string()).min(1),
  kind: z.enum(['regression', 'fix', 'new', 'gone', 'flaky', 'known']),
  was: status.optional().meta({ description: 'On the baseline' }),
  is: status.optional(),
  job: z.string().optional().meta({ description: 'suite@topology' }),
  during: z.array(z.string()).optional(),
  reason: z.string().optional(),
  link: z.string().optional(),
  rate: z.strictObject({ is: rate, was: rate.optional() }).optional().meta({
    description: 'How often it went wrong when repeated, with the series and on the base',
  }),
  patch: z
    .strictObject({
      number: z.int(),
      upTo: z.int().optional().meta({ description: 'Patches number to upTo cannot be told apart' }),
      of: z.int(),
      title: z.string(),
    })
    .optional()
    .meta({ description: 'The first patch of the series that breaks it' }),
  reproduce: z.string().optional(),
});

const patch = z.strictObject({
  number: z.int(),
  of: z.int(),
  title: z.string(),
  commit: z.string().optional(),
  build: status.meta({ description: 'MISS: its base does not build either' }),
  failure: failure.optional(),
  cached: z.boolean(),
  newWarnings: z.array(z.string()),
  fixedWarnings: z.array(z.string()),
  otherWarnings: z.array(z.string()).meta({ description: 'Nobody knows whether they are new' }),
  image: z
    .enum(['same', 'changed', 'none'])
    .meta({ description: 'Code and data of the kernel, against the patch before' }),
  sameAs: z.int().optional().meta({ description: 'First patch with the same image; 0: the base' }),
  tests: z
    .strictObject({
      what: z.string(),
      status,
      jobs: z.array(z.strictObject({ id: z.string(), status })),
      worse: z.array(z.string()).meta({ description: 'What is worse than on the base' }),
      folder: z.string().optional(),
    })
    .optional(),
});

export const resultsSchema = z
  .strictObject({
    schema: z.literal(1),
    id: z.string(),
    status,
    startedAt: z.string(),
    subject: z.string(),
    argv: z.array(z.string()),
    host: z.strictObject({ cpus: z.int(), memoryBytes: z.int(), accel: z.string() }),
    kernel: z
      .strictObject({
        release: z.string(),
        tree: z.string(),
        key: z.string(),
        variant: z.string().optional(),
      })
      .optional(),
    series: z
      .strictObject({
        title: z.string(),
        patches: z.int(),
        base: z.string(),
        baseFrom: z
          .enum(['option', 'range', 'base-commit', 'head'])
          .optional()
          .meta({ description: 'Why it was put on that commit' }),
        subject: z.string().optional(),
      })
      .optional(),
    sandbox: z
      .strictObject({ on: z.boolean(), text: z.string() })
      .optional()
      .meta({ description: 'What programs of the tree ran in while it was built' }),
    types: z.record(
      z.string(),
      z.strictObject({
        was: z.string().optional().meta({ description: 'What suites call it' }),
        isNew: z.literal(true).optional().meta({ description: 'The series brings it' }),
        covered: z.boolean(),
        mappings: z.int(),
        pages: z.int(),
        suites: z.array(z.string()),
        status,
      }),
    ),
    steps: z.array(step),
    interrupted: z.literal(true).optional().meta({ description: 'The record has no end' }),
    jobs: z.array(
      z.strictObject({
        id: z.string(),
        topology: z.string(),
        suite: z.string(),
        types: z.array(z.string()),
        status,
        steps: z.array(step),
        bootMs: ms.optional(),
        ms,
        tests: z.array(point),
        splats: z.array(splat),
        failure: failure.optional(),
        rounds: rate.optional().meta({ description: 'How many of its rounds were not green' }),
        reproduce: z.string(),
      }),
    ),
    baseline: z
      .strictObject({
        kind: z.enum(['base', 'run']),
        id: z.string(),
        subject: z.string(),
        built: z.boolean(),
        status,
        jobs: z.int(),
        cached: z.int().meta({ description: 'Jobs whose result was known from before' }),
      })
      .optional()
      .meta({ description: 'What changes are changes from' }),
    changes: z.array(change),
    patches: z.array(patch).optional(),
    callers: z
      .array(z.strictObject({ file: z.string(), status, reason: z.string().optional() }))
      .optional()
      .meta({ description: 'Users of memremap_pages() that this configuration leaves out' }),
    layout: z
      .array(z.string())
      .optional()
      .meta({ description: 'How struct dev_pagemap and enum memory_type change' }),
    notes: z.array(z.string()),
    timing: z.strictObject({ applyMs: ms, buildMs: ms, bootMs: ms, testMs: ms, totalMs: ms }),
  })
  .meta({ title: 'pgmap results.json' });
