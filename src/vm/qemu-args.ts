// Topology and boot inputs in, QEMU's argument vector out. Pure: each function says one concern, qemuArgs adds them up.
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import type { Topology } from '../core/topology.ts';
import { formatSize, parseSize } from '../core/units.ts';
import {
  type BackingFile,
  backingFiles,
  chassisCount,
  deviceParts,
  optionWord,
  type Props,
  ramBackend,
} from './devices.ts';

export type Accel = 'kvm' | 'tcg';

export interface BootInputs {
  /** bzImage. */
  readonly kernel: string;
  /** Without one the kernel panics when it looks for its root: good enough to measure a boot. */
  readonly initrd?: string;
  /** Words for the kernel command line after the topology's own. */
  readonly append: readonly string[];
  readonly accel: Accel;
  /** Instead of the topology's number of CPUs. */
  readonly cpus?: number;
  /** File the serial console is written to; without it the console is on standard input and output. */
  readonly serialPath?: string;
  /** Unix socket; shorter than 108 bytes. Without it there is no QMP. */
  readonly qmpPath?: string;
  /** Port of 127.0.0.1 that leads to the guest's port 22. */
  readonly sshPort: number;
  /** Folder of the backing files, see topologyFiles. */
  readonly backingDir: string;
  /** Further QEMU arguments, e.g. `['-gdb', 'tcp:127.0.0.1:1234']`. */
  readonly extra?: readonly string[];
}

/** Everything after the program's name. Throws FailureError `bad-topology`. */
export function qemuArgs(topology: Topology, boot: BootInputs): string[] {
  return [
    ...baseArgs(),
    ...accelArgs(boot.accel, boot.cpus ?? topology.cpus),
    ...machineArgs(topology),
    ...memoryArgs(topology, boot.cpus ?? topology.cpus),
    ...kernelArgs(topology, boot),
    ...consoleArgs(boot.serialPath),
    ...qmpArgs(boot.qmpPath),
    ...networkArgs(boot.sshPort),
    ...deviceArgs(topology, boot.backingDir),
    ...(boot.extra ?? []),
  ];
}

/** Files to create, sparse, before QEMU starts; those of devices to be plugged later are among them. */
export function topologyFiles(topology: Topology, backingDir: string): BackingFile[] {
  return backingFiles([...topology.devices, ...topology.hotplug], backingDir);
}

/**
 * One line for a shell that repeats the boot by hand, with the console on the terminal and no QMP. QEMU makes
 * the files of memory devices itself; only disks have to be there before it starts.
 */
export function repeatLine(program: string, topology: Topology, boot: BootInputs): string {
  const { serialPath: _serial, qmpPath: _qmp, ...byHand } = boot;
  const disks = backingFiles(
    topology.devices.filter((device) => device.type === 'nvme'),
    boot.backingDir,
  );
  return [
    ...disks.map((disk) => commandLine(['truncate', '-s', String(disk.size), disk.path])),
    commandLine([program, ...qemuArgs(topology, byHand)]),
  ].join(' && ');
}

/** Bytes of host memory the guest can come to use: RAM and what is plugged as RAM. File-backed memory is page cache. */
export function hostMemoryNeed(topology: Topology): number {
  return [...topology.devices, ...topology.hotplug]
    .filter((device) => device.type === 'pc-dimm' || device.type === 'virtio-mem')
    .reduce((sum, device) => sum + parseSize(device.size), parseSize(topology.memory));
}

const base = '-nodefaults -no-user-config -no-reboot -display none'.split(' ');

/** No way out for QEMU: system calls that no device needs end it. */
export const sandboxArgs: readonly string[] = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
];

/** Nothing but what is named. `panic=none`: a panicking guest may finish its last words. */
const baseArgs = (): string[] => [...base, ...sandboxArgs, '-action', 'panic=none'];

function accelArgs(accel: Accel, cpus: number): string[] {
  const kind = accel === 'tcg' ? 'tcg,thread=multi' : 'kvm';
  return ['-accel', kind, '-cpu', 'max', '-smp', String(cpus)];
}

/** What q35 has on board and no test looks at costs firmware and kernel time: off. */
const boardOff: Props = {
  sata: false,
  usb: false,
  smbus: false,
  smm: false,
  i8042: false,
  vmport: false,
  graphics: false,
};

function machineArgs(topology: Topology): string[] {
  return ['-M', `q35,${optionWord({ ...boardOff, ...topology.machine })}`];
}

/** @see QEMU `-m size[,slots=,maxmem=]` and `-numa node`; all CPUs are on node 0. */
function memoryArgs(topology: Topology, cpuCount: number): string[] {
  const { nodes } = topology;
  const size = [
    `size=${topology.memory}`,
    ...(topology.slots === undefined ? [] : [`slots=${topology.slots}`]),
    ...(topology.maxmem === undefined ? [] : [`maxmem=${topology.maxmem}`]),
  ].join(',');
  const sum = nodes.reduce((bytes, node) => bytes + parseSize(node.memory ?? '0'), 0);
  if (nodes.length > 0 && sum !== parseSize(topology.memory))
    throw new FailureError({
      blame: 'usage',
      code: 'bad-topology',
      title: `topology '${topology.name}': its nodes have ${formatSize(sum)} of RAM together, the machine ${topology.memory}`,
      hint: 'Make `memory` the sum of the nodes.',
    });
  return [
    '-m',
    size,
    ...nodes.flatMap((node, index) => {
      const cpus = index === 0 ? { cpus: `0-${cpuCount - 1}` } : {};
      if (node.memory === undefined)
        return ['-numa', `node,${optionWord({ nodeid: index, ...cpus })}`];
      return [
        '-object',
        optionWord(ramBackend(`ram${index}`, node.memory)),
        '-numa',
        `node,${optionWord({ nodeid: index, ...cpus, memdev: `ram${index}` })}`,
      ];
    }),
  ];
}

/**
 * `earlyprintk`: an early panic has a last word too. `nokaslr`: an address means the same in every run. `panic=-1` with
 * -no-reboot: a panic ends QEMU. `random.trust_cpu`: before 6.2 an allnoconfig kernel waits seconds for entropy otherwise.
 * `no_timer_check`: on a busy host an emulated timer is so late that the kernel takes it for broken and panics.
 * `unknown_nmi_panic`, `panic_print` 0x40: a guest that takes no interrupts says where its CPUs are when it gets an NMI.
 */
const always = [
  ...['console=ttyS0', 'earlyprintk=ttyS0', 'panic=-1', 'nokaslr', 'random.trust_cpu=on'],
  ...['no_timer_check', 'slub_debug=FZP', 'unknown_nmi_panic', 'panic_print=0x40'],
];

function kernelArgs(topology: Topology, boot: BootInputs): string[] {
  const words = [...always, ...topology.append, ...boot.append];
  return [
    '-kernel',
    boot.kernel,
    ...(boot.initrd === undefined ? [] : ['-initrd', boot.initrd]),
    '-append',
    words.map(kernelWord).join(' '),
  ];
}

/** The character device of the serial console. */
export const consoleId = 'console';

/** @see Documentation/admin-guide/kernel-parameters.rst: double quotes protect spaces in values. */
function kernelWord(word: string): string {
  return /\s/.test(word) ? `"${word}"` : word;
}

function consoleArgs(serialPath: string | undefined): string[] {
  if (serialPath === undefined) return ['-serial', 'mon:stdio'];
  return [
    '-chardev',
    // A job that boots more than once keeps all that was said in one file.
    `file,${optionWord({ id: consoleId, path: serialPath, append: true })}`,
    '-serial',
    `chardev:${consoleId}`,
  ];
}

function qmpArgs(qmpPath: string | undefined): string[] {
  if (qmpPath === undefined) return [];
  const socket = optionWord({ id: 'qmp', path: qmpPath, server: true, wait: false });
  return ['-chardev', `socket,${socket}`, '-mon', 'chardev=qmp,mode=control'];
}

/** The guest reaches nothing; the host reaches its ssh. No option ROM: nobody boots from the network. */
function networkArgs(sshPort: number): string[] {
  return [
    '-netdev',
    `user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:${sshPort}-:22`,
    '-device',
    'virtio-net-pci,netdev=net,romfile=',
  ];
}

/** pvpanic tells QMP of a panic at once; then the topology's devices in their order. */
function deviceArgs(topology: Topology, backingDir: string): string[] {
  let chassis = 1;
  return [
    '-device',
    'pvpanic-pci',
    ...topology.devices.flatMap((device) => {
      const parts = deviceParts(device, backingDir, chassis);
      chassis += chassisCount(device);
      return [
        ...parts.blockdevs.flatMap((props) => ['-blockdev', blockdevWord(props)]),
        ...parts.objects.flatMap((props) => ['-object', optionWord(props)]),
        ...parts.devices.flatMap((props) => ['-device', optionWord(props)]),
      ];
    }),
  ];
}

/** -blockdev takes no implied first key. */
function blockdevWord(props: Props): string {
  const { driver, ...rest } = props;
  return `driver=${String(driver)},${optionWord(rest)}`;
}
