// images/guest.yaml and configs/host.yaml.
import { z } from 'zod';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name');

export const recipeSchema = z
  .strictObject({
    packages: z.array(packageName).min(1),
    files: z.array(z.string().startsWith('/')).min(1),
    links: z.record(z.string(), z.string()).default({}),
    directories: z.array(z.string()).default([]),
  })
  .meta({
    title: 'pgmap guest image',
    description: 'Files of Debian packages that make the guest',
  });

export const hostSchema = z
  .strictObject({
    packages: z.array(
      z.strictObject({ name: packageName, why: z.string(), optional: z.boolean().default(false) }),
    ),
  })
  .meta({ title: 'pgmap host', description: 'Debian packages this tool needs on the host' });
