// Writes configs/schema/*.json from the zod schemas, for editors and other tools; --check only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { format } from 'prettier';
import { bisectSchema } from '../config/bisect-results.ts';
import { knownFailuresSchema } from '../config/known.ts';
import { hostSchema, recipeSchema } from '../config/recipe.ts';
import { resultsSchema } from '../config/results.ts';
import { suiteSchema } from '../config/suite.ts';
import { topologySchema } from '../config/topology.ts';
import { variantSchema } from '../config/variant.ts';

const schemas = {
  topology: topologySchema,
  variant: variantSchema,
  suite: suiteSchema,
  guest: recipeSchema,
  host: hostSchema,
  'known-failures': knownFailuresSchema,
  results: resultsSchema,
  bisect: bisectSchema,
};
const check = process.argv.includes('--check');
let stale = 0;
for (const [name, schema] of Object.entries(schemas)) {
  const file = join('configs/schema', `${name}.json`);
  const text = await format(JSON.stringify(z.toJSONSchema(schema, { io: 'input' })), {
    parser: 'json',
    printWidth: 100,
  });
  if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
  stale++;
  if (check) console.error(`${file} is not what the schema in src/config says: run npm run schema`);
  else await writeFile(file, text);
}
process.exit(check && stale > 0 ? 1 : 0);
