// A series that makes a kernel which is in no cache, and of which nothing has to be compiled.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Arguments of `pgmap run`, after writing the series into `dir`. */
export async function ownKernel(dir: string): Promise<readonly string[]> {
  const path = `Documentation/mm/nothing-${randomBytes(6).toString('hex')}.rst`;
  const file = join(dir, 'own-kernel.patch');
  await writeFile(
    file,
    `Documentation/mm: a file that no kernel is made of

diff --git a/${path} b/${path}
new file mode 100644
--- /dev/null
+++ b/${path}
@@ -0,0 +1 @@
+Nothing.
`,
  );
  return ['--baseline', 'none', file];
}
