// Jobs on this host, side by side as far as its processors and memory go.

/** What a job takes while it runs. */
export interface Resources {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/**
 * Runs every task, in order, as soon as what it needs is free. A task that needs more than there is runs alone.
 * Rejects with the first rejection, after the others have ended.
 */
export async function runLocally(
  tasks: readonly { readonly needs: Resources; run(): Promise<void> }[],
  host: Resources & { readonly jobs: number },
): Promise<void> {
  let cpus = host.cpus;
  let memoryBytes = host.memoryBytes;
  let running = 0;
  const waiting = [...tasks];
  const errors: unknown[] = [];
  await new Promise<void>((resolve) => {
    const next = (): void => {
      const task = waiting[0];
      if (task === undefined) {
        if (running === 0) resolve();
        return;
      }
      const fits =
        running < host.jobs && task.needs.cpus <= cpus && task.needs.memoryBytes <= memoryBytes;
      if (!fits && running > 0) return;
      waiting.shift();
      running++;
      cpus -= task.needs.cpus;
      memoryBytes -= task.needs.memoryBytes;
      void task
        .run()
        .catch((error: unknown) => errors.push(error))
        .finally(() => {
          running--;
          cpus += task.needs.cpus;
          memoryBytes += task.needs.memoryBytes;
          next();
        });
      next();
    };
    next();
  });
  if (errors.length > 0) throw errors[0];
}
