// configs/known-failures.yaml: what FAILs, is nobody's news, and until when that may stay so.
import { join } from 'node:path';
import { z } from 'zod';
import type { KnownFailure } from '../core/known.ts';
import { regularExpression } from './suite.ts';
import { loadYaml } from './yaml.ts';

const release = z.string().regex(/^\d+(\.\d+){1,2}$/, 'a release such as 6.12 or 6.12.40');

export const knownFailuresSchema = z
  .strictObject({
    failures: z.array(
      z
        .strictObject({
          test: z.string().min(1).optional().meta({
            description: "'suite', 'suite > test' or 'suite > test > case', and what is below it",
          }),
          splat: regularExpression.optional().meta({
            description: 'Regular expression on the title of a kernel report; with test: during it',
          }),
          topology: z.string().optional().meta({ description: 'Only there' }),
          kernel: z
            .strictObject({ from: release.optional(), to: release.optional() })
            .optional()
            .meta({ description: 'Releases, both inclusive; 6.12 stands for all of 6.12.y' }),
          reason: z.string().min(1),
          link: z.url().optional().meta({ description: 'The report or the fix' }),
          expires: z.iso.date().meta({ description: 'The last day on which it counts' }),
        })
        .refine((entry) => entry.test !== undefined || entry.splat !== undefined, {
          message: 'needs a test or a splat',
        }),
    ),
  })
  .meta({
    title: 'pgmap known failures',
    description: 'Failures that blame no series, each with its reason and a date',
  });

/** Throws FailureError `usage/bad-yaml`. */
export async function loadKnownFailures(projectDir: string): Promise<readonly KnownFailure[]> {
  const file = join(projectDir, 'configs/known-failures.yaml');
  return (await loadYaml(file, knownFailuresSchema)).failures;
}
