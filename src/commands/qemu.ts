// The one name of QEMU's program.

/** Found on PATH, so that a test can put its own there. */
export const qemuProgram = 'qemu-system-x86_64';
