// suites/<name>/suite.yaml. The types are core/suite.ts; here is how they are written down.
import { z } from 'zod';
import { oracles, type Suite } from '../core/suite.ts';
import { parseDuration } from '../core/units.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower case letters, digits and -');
export const regularExpression = z.string().refine(
  (text) => {
    try {
      return new RegExp(text) instanceof RegExp;
    } catch {
      return false;
    }
  },
  { message: 'not a regular expression' },
);

const needs = z.strictObject({
  config: z
    .array(z.string().regex(/^[A-Z0-9_]+$/, 'a symbol without CONFIG_'))
    .default([])
    .meta({ description: 'Kconfig symbols, without CONFIG_, that must be y or m' }),
  kernel: z
    .string()
    .regex(/^\d+\.\d+$/, 'a release like "6.2"')
    .optional()
    .meta({ description: 'The oldest kernel release' }),
  topologies: z.array(name).optional(),
});

const test = z.strictObject({
  name: z
    .string()
    .min(1)
    .regex(/^[^>#\n]*$/, 'no >, # or newline: they separate levels and directives'),
  run: z.array(z.string()).min(1),
  reset: z.array(z.string()).min(1).optional().meta({
    description:
      'The second half of the test: when `run` has passed, the machine is reset, nothing synced or unmounted, and this is run in the guest that boots then',
  }),
  timeout: z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m)$/, 'a duration like 20s')
    .default('30s'),
  needs: needs.default({ config: [] }),
  leaves: z.partialRecord(z.enum(oracles), z.string().min(10)).default({}).meta({
    description: 'What it leaves behind on purpose, and why',
  }),
  cases: z.array(z.string()).default([]),
  upstream: z.string().optional().meta({
    description: "Run it again with the series' version of this program, if the series changes it",
  }),
});

export const suiteSchema = z
  .strictObject({
    name,
    description: z.string().min(1),
    types: z.array(z.string().regex(/^MEMORY_DEVICE_[A-Z0-9_]+$/)).default([]),
    nightly: z
      .boolean()
      .default(false)
      .meta({ description: 'Left out of a run that does not ask for it by --nightly or by name' }),
    topologies: z.array(name).min(1),
    config: z.array(name).default([]),
    modules: z.array(z.string()).default([]),
    append: z.array(z.string()).default([]),
    programs: z
      .array(
        z.strictObject({
          out: z.string().regex(/^[A-Za-z0-9_.-]+$/),
          sources: z.array(z.string()).default([]),
          tree: z.array(z.array(z.string()).min(1)).default([]),
          flags: z.array(z.string()).default([]),
        }),
      )
      .default([]),
    kbuild: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, 'the name of a folder')
      .optional()
      .meta({ description: 'Folder with a Kbuild, whose modules are built against the kernel' }),
    tests: z.array(test).min(1),
    allow: z
      .array(
        z.strictObject({
          splat: regularExpression.meta({ description: "Matched on the splat's title" }),
          text: regularExpression.optional().meta({ description: 'Matched on its text, too' }),
          during: z
            .array(z.string())
            .min(1)
            .optional()
            .meta({ description: 'Names of tests; without it, the whole suite' }),
          reason: z.string().min(10),
          link: z.string().optional(),
        }),
      )
      .default([]),
  })
  .refine((suite) => new Set(suite.tests.map((one) => one.name)).size === suite.tests.length, {
    message: 'two tests have the same name',
    path: ['tests'],
  })
  .refine(
    (suite) => {
      const names = new Set(suite.tests.map((one) => one.name));
      return suite.allow.every((entry) => entry.during?.every((one) => names.has(one)) ?? true);
    },
    { message: 'during names a test that is not there', path: ['allow'] },
  )
  .refine(
    (suite) => {
      const fromTree = suite.programs.filter((one) => one.tree.length > 0).map((one) => one.out);
      return suite.tests.every(
        ({ upstream }) => upstream === undefined || fromTree.includes(upstream),
      );
    },
    { message: 'upstream names a program that is not made of files of the tree', path: ['tests'] },
  )
  .meta({ title: 'pgmap suite', description: 'In-guest tests and what they need' });

export function asSuite(value: z.infer<typeof suiteSchema>): Suite {
  const { tests, ...rest } = value;
  const plain = {
    ...rest,
    tests: tests.map(({ timeout, ...one }) => ({ ...one, timeoutMs: parseDuration(timeout) })),
  };
  return JSON.parse(JSON.stringify(plain)) as Suite;
}
