// configs/variants/*.yaml: the debug variants of --variant. The types are core/variant.ts; here is how they are written down.
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../core/failure.ts';
import type { Variant } from '../core/variant.ts';
import { regularExpression } from './suite.ts';
import { loadYaml } from './yaml.ts';

const reason = z.string().min(10);
const symbol = z.string().regex(/^[A-Z0-9_]+$/, 'a symbol without CONFIG_');
const path = z.string().regex(/^[^>]+ > [^>]+$/, "'suite > test'");

export const variantSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9]*$/, 'lower case letters and digits'),
    description: z.string().min(1),
    required: z.array(symbol).min(1).meta({
      description: 'Symbols, without CONFIG_, that must be in the kernel, or the run is a MISS',
    }),
    slower: z.number().min(1).max(100).default(1).meta({
      description: 'Factor on all time limits, measured',
    }),
    append: z
      .array(z.string())
      .default([])
      .meta({ description: 'Words for the kernel command line, after all others' }),
    findsLeaks: z.boolean().default(false).meta({
      description: 'After each suite, let kmemleak scan twice; what it finds FAILs the job',
    }),
    config: z
      .string()
      .regex(
        /^(?:(?:CONFIG_\w+=\S+|CONFIG_\w+="[^"\n]*"|#[^\n]*|)\n)+$/,
        'lines of a kconfig fragment: CONFIG_X=y, or # CONFIG_X is not set',
      )
      .meta({ description: 'A kconfig fragment; it wins over those of configs/kernel/' }),
    allow: z
      .array(
        z.strictObject({
          splat: regularExpression.meta({ description: "Matched on the splat's title" }),
          text: regularExpression.optional().meta({ description: 'Matched on its text, too' }),
          during: z
            .array(z.string())
            .min(1)
            .optional()
            .meta({ description: "'suite' or 'suite > test'; without it, everywhere" }),
          reason,
          link: z.string().optional(),
        }),
      )
      .default([])
      .meta({ description: 'Kernel reports that say nothing of a series' }),
    skip: z
      .array(z.strictObject({ test: path, topologies: z.array(z.string()).optional(), reason }))
      .default([])
      .meta({ description: 'Tests that cannot be run in this variant' }),
  })
  .meta({
    title: 'pgmap debug variant',
    description: 'A checker that is built into the tested kernel, and what that costs',
  });

/** Variants by name. A file must be named after what it holds. Throws FailureError `usage/bad-yaml`. */
export async function loadVariants(projectDir: string): Promise<ReadonlyMap<string, Variant>> {
  const dir = join(projectDir, 'configs/variants');
  const found = new Map<string, Variant>();
  // A project without the folder has none.
  const files = await readdir(dir).catch((): string[] => []);
  for (const file of files.filter((one) => one.endsWith('.yaml')).sort()) {
    const variant = asVariant(await loadYaml(join(dir, file), variantSchema));
    if (variant.name !== basename(file, '.yaml'))
      throw new FailureError({
        blame: 'usage',
        code: 'bad-yaml',
        title: `${join(dir, file)}: name is '${variant.name}', but it must be like its file`,
      });
    found.set(variant.name, variant);
  }
  return found;
}

/** The one that was asked for; undefined if none was. Throws FailureError `usage/unknown-variant|bad-yaml`. */
export async function loadVariant(
  projectDir: string,
  name: string | undefined,
): Promise<Variant | undefined> {
  if (name === undefined) return undefined;
  const variants = await loadVariants(projectDir);
  const variant = variants.get(name);
  if (variant !== undefined) return variant;
  throw new FailureError({
    blame: 'usage',
    code: 'unknown-variant',
    title: `there is no variant '${name}'`,
    detail: `There are: ${[...variants.keys()].join(', ')}`,
    hint: '`pgmap list variants` says what each is for.',
  });
}

function asVariant({ config, ...rest }: z.infer<typeof variantSchema>): Variant {
  return JSON.parse(JSON.stringify({ ...rest, fragment: config })) as Variant;
}
