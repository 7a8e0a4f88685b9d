// The system calls that a sandboxed build may not make, as a classic BPF program in bytes. Namespaces hold the rest back; these
// get around them. @see seccomp(2), linux/filter.h, asm/unistd_64.h
const { load, jumpEqual, jumpAbove, jumpSet, give } = {
  load: 0x20,
  jumpEqual: 0x15,
  jumpAbove: 0x35,
  jumpSet: 0x45,
  give: 0x06,
};
const allow = 0x7fff0000;
/** EPERM. */
const deny = 0x00050001;
/** AUDIT_ARCH_X86_64. */
const architecture = 0xc000003e;
/** Where struct seccomp_data has the number, the architecture and the first argument, in bytes. */
const at = { number: 0, architecture: 4, arguments: 16 };
const unixSockets = 1;
const setUserId = 0o4000;

type Instruction = readonly [code: number, value: number, ifTrue?: number, ifFalse?: number];

const never: Readonly<Record<string, number>> = {
  // The user's keys are nobody else's business.
  ...{ add_key: 248, request_key: 249, keyctl: 250 },
  // Large parts of the kernel that no compiler needs.
  ...{ perf_event_open: 298, userfaultfd: 323, bpf: 321, kexec_load: 246, kexec_file_load: 320 },
  // Opens sockets and files past this filter.
  ...{ io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 },
  // Its arguments are in memory, where this filter cannot look.
  openat2: 437,
};

/** Call → which of its arguments is a file's mode: a program of ours that runs as its owner would outlive the sandbox. */
const modes: Readonly<Record<string, readonly [number: number, argument: number]>> = {
  open: [2, 2],
  creat: [85, 1],
  chmod: [90, 1],
  fchmod: [91, 1],
  mknod: [133, 1],
  openat: [257, 3],
  mknodat: [259, 2],
  fchmodat: [268, 2],
  fchmodat2: [452, 2],
};

const program: readonly Instruction[] = [
  [load, at.architecture],
  [jumpEqual, architecture, 1, 0],
  [give, deny],
  [load, at.number],
  // x32 has numbers of its own, from here on.
  [jumpAbove, 0x40000000, 0, 1],
  [give, deny],
  ...Object.values(never).flatMap((number): Instruction[] => [
    [jumpEqual, number, 0, 1],
    [give, deny],
  ]),
  // A network namespace does not keep AF_VSOCK from the host, and AF_NETLINK and AF_ALG lead into the kernel.
  [jumpEqual, 41, 0, 4],
  [load, at.arguments],
  [jumpEqual, unixSockets, 0, 1],
  [give, allow],
  [give, deny],
  ...Object.values(modes).flatMap(([number, argument]): Instruction[] => [
    [jumpEqual, number, 0, 4],
    [load, at.arguments + 8 * argument],
    [jumpSet, setUserId, 0, 1],
    [give, deny],
    [give, allow],
  ]),
  [give, allow],
];

/** struct sock_filter, one after the other, for bwrap(1) --seccomp. */
export const systemCallFilter: Buffer = Buffer.concat(
  program.map(([code, value, ifTrue = 0, ifFalse = 0]) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(code, 0);
    bytes.writeUInt8(ifTrue, 2);
    bytes.writeUInt8(ifFalse, 3);
    bytes.writeUInt32LE(value, 4);
    return bytes;
  }),
);
