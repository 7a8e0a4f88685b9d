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

const point = z.strictObject({
  path: z.array(z.string()).min(1).meta({ description: 'suite, test, case; without numbers' }),
  status,
  directive: z.strictObject({ name: z.string(), reason: z.string() }).optional(),
  diagnostics: z.array(z.string()),
  ms: ms.optional(),
});

const splat = z.strictObject({
  title: z.string().meta({ description: 'Equal across runs: no addresses, pids or times' }),
  kind: z.string(),
  from: z.int().meta({ description: 'Byte offset into console.log' }),
  to: z.int(),
  text: z.string(),
  during: z.array(z.string()),
  allowed: z.string().optional(),
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
    kernel: z.strictObject({ release: z.string(), tree: z.string(), key: z.string() }).optional(),
    series: z.strictObject({ title: z.string(), patches: z.int(), base: z.string() }).optional(),
    types: z.record(
      z.string(),
      z.strictObject({
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
        reproduce: z.string(),
      }),
    ),
    changes: z.array(
      z.strictObject({
        path: z.array(z.string()),
        kind: z.enum(['regression', 'fix', 'new', 'gone', 'flaky', 'known']),
        was: status.optional(),
        is: status.optional(),
      }),
    ),
    notes: z.array(z.string()),
    timing: z.strictObject({ applyMs: ms, buildMs: ms, bootMs: ms, testMs: ms, totalMs: ms }),
  })
  .meta({ title: 'pgmap results.json' });
