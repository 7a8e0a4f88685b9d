// What guests run under: KVM only where a kernel was seen to start under it.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab, RunRequest } from './request.ts';
import type { TestedKernel } from './tested-kernel.ts';
import type { Context } from '../util/context.ts';
import { type AccelChoice, chooseAccel, qemuFacts } from '../vm/probe.ts';

export async function pickAccel(
  request: RunRequest,
  build: TestedKernel,
  lab: Lab,
  ctx: Context,
): Promise<AccelChoice> {
  const { version } = await qemuFacts(lab.qemu, ctx.signal);
  await mkdir(lab.stateDir, { recursive: true });
  const host = {
    qemu: lab.qemu,
    version,
    kernel: build.image,
    memory: join(lab.stateDir, 'accel.json'),
  };
  return chooseAccel(request.accel, host, ctx.signal);
}
