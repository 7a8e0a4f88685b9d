// A device of a topology as QEMU wants it: backends, then devices. One description serves the command line at boot and
// QMP (blockdev-add, object-add, device_add) later, so that a plugged device is the same as a booted one.
import { join } from 'node:path';
import type { Device } from '../core/topology.ts';
import { parseSize } from '../core/units.ts';

/** Properties of one `-object`, `-device` or `-blockdev`; numbers and booleans stay what they are for QMP. */
export type Props = Readonly<Record<string, string | number | boolean>>;

export interface DeviceParts {
  /** `-blockdev` / `blockdev-add`, with dotted keys for what is nested. */
  readonly blockdevs: readonly Props[];
  /** `-object` / `object-add`; first key `qom-type`. */
  readonly objects: readonly Props[];
  /** `-device` / `device_add`; first key `driver`. Buses come before what sits on them. */
  readonly devices: readonly Props[];
}

/** A file that must be there, sparse, before QEMU starts. */
export interface BackingFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * What QEMU needs for one device.
 * @param backingDir folder of the backing files
 * @param chassis first free chassis number; ports count up from it and no two may be equal
 */
export function deviceParts(device: Device, backingDir: string, chassis = 1): DeviceParts {
  switch (device.type) {
    case 'nvdimm':
      return nvdimm(device, backingDir);
    case 'virtio-pmem':
      return virtioPmem(device, backingDir);
    case 'virtio-mem':
      return virtioMem(device);
    case 'pc-dimm':
      return pcDimm(device);
    case 'pcie-root-port':
      return { ...nothing, devices: [port('pcie-root-port', device.id, chassis)] };
    case 'pcie-switch':
      return pcieSwitch(device, chassis);
    case 'nvme':
    default:
      return nvme(device, backingDir);
  }
}

/** How many chassis numbers the ports of a device take. */
export function chassisCount(device: Device): number {
  if (device.type === 'pcie-root-port') return 1;
  return device.type === 'pcie-switch' ? 1 + device.ports.length : 0;
}

/** The backing files of some devices. */
export function backingFiles(devices: readonly Device[], backingDir: string): BackingFile[] {
  return devices
    .filter(
      (device) =>
        device.type === 'nvdimm' || device.type === 'virtio-pmem' || device.type === 'nvme',
    )
    .map((device) => ({
      path: backingPath(device.id, backingDir),
      size: parseSize(device.size) + (device.type === 'nvdimm' ? labelSize(device) : 0),
    }));
}

/** The QEMU device models a device of a topology is made of, as `-device help` names them. */
export function modelsOf(device: Device): string[] {
  return [
    ...new Set(deviceParts(device, '').devices.map((props) => String(props['driver'] ?? ''))),
  ];
}

/** An `-object memory-backend-ram`. */
export function ramBackend(id: string, size: string): Props {
  return { 'qom-type': 'memory-backend-ram', id, size: parseSize(size) };
}

/** The id of the memory backend of a device. */
export function backendId(id: string): string {
  return `${id}-mem`;
}

/** The node name of a disk. */
export function diskId(id: string): string {
  return `${id}-disk`;
}

/** The id of the throttle group of a disk that is slow on purpose. */
export function limitId(id: string): string {
  return `${id}-limit`;
}

/** Properties as one command line word: `driver,id=…,node=1`. A comma in a value is doubled, as QEMU wants it. */
export function optionWord(props: Props): string {
  return Object.entries(props)
    .map(([key, value], index) => {
      const text = valueWord(key, value).replaceAll(',', ',,');
      return index === 0 && (key === 'driver' || key === 'qom-type') ? text : `${key}=${text}`;
    })
    .join(',');
}

function valueWord(key: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'number' && key.endsWith('addr') ? `0x${value.toString(16)}` : `${value}`;
}

type Kind<T extends Device['type']> = Extract<Device, { type: T }>;

const nothing: DeviceParts = { blockdevs: [], objects: [], devices: [] };

/** Needs `-M nvdimm=on` and a slot. @see QEMU docs/nvdimm.txt */
function nvdimm(device: Kind<'nvdimm'>, backingDir: string): DeviceParts {
  const label = device.label === undefined ? undefined : parseSize(device.label);
  return {
    ...nothing,
    objects: [fileBackend(device, backingDir)],
    devices: [
      {
        driver: 'nvdimm',
        id: device.id,
        memdev: backendId(device.id),
        ...optional('label-size', label),
        ...optional('node', device.node),
        ...optional('addr', address(device.address)),
      },
    ],
  };
}

function virtioPmem(device: Kind<'virtio-pmem'>, backingDir: string): DeviceParts {
  return {
    ...nothing,
    objects: [fileBackend(device, backingDir)],
    devices: [
      {
        driver: 'virtio-pmem-pci',
        id: device.id,
        memdev: backendId(device.id),
        ...optional('bus', device.bus),
        ...optional('memaddr', address(device.address)),
      },
    ],
  };
}

function virtioMem(device: Kind<'virtio-mem'>): DeviceParts {
  return {
    ...nothing,
    objects: [ramBackend(backendId(device.id), device.size)],
    devices: [
      {
        driver: 'virtio-mem-pci',
        id: device.id,
        memdev: backendId(device.id),
        'requested-size': parseSize(device.requested),
        ...optional('node', device.node),
        ...optional('bus', device.bus),
      },
    ],
  };
}

function pcDimm(device: Kind<'pc-dimm'>): DeviceParts {
  return {
    ...nothing,
    objects: [ramBackend(backendId(device.id), device.size)],
    devices: [
      {
        driver: 'pc-dimm',
        id: device.id,
        memdev: backendId(device.id),
        ...optional('node', device.node),
        ...optional('addr', address(device.address)),
      },
    ],
  };
}

function pcieSwitch(device: Kind<'pcie-switch'>, chassis: number): DeviceParts {
  const root = `${device.id}-root`;
  const upstream = `${device.id}-up`;
  return {
    ...nothing,
    devices: [
      port('pcie-root-port', root, chassis),
      { driver: 'x3130-upstream', id: upstream, bus: root },
      ...device.ports.map((id, index) =>
        port('xio3130-downstream', id, chassis + 1 + index, upstream),
      ),
    ],
  };
}

/** @see QEMU docs/system/devices/nvme.rst, `cmb_size_mb`; docs/throttle.txt */
function nvme(device: Kind<'nvme'>, backingDir: string): DeviceParts {
  const cmb = device.cmb === undefined ? undefined : parseSize(device.cmb) / 2 ** 20;
  const { iops } = device;
  const group = limitId(device.id);
  const file = iops === undefined ? 'file' : 'file.file';
  return {
    objects:
      iops === undefined ? [] : [{ 'qom-type': 'throttle-group', id: group, 'x-iops-total': iops }],
    blockdevs: [
      {
        driver: 'raw',
        'node-name': diskId(device.id),
        ...(iops === undefined ? {} : { 'file.driver': 'throttle', 'file.throttle-group': group }),
        [`${file}.driver`]: 'file',
        [`${file}.filename`]: backingPath(device.id, backingDir),
      },
    ],
    devices: [
      {
        driver: 'nvme',
        id: device.id,
        serial: device.id,
        drive: diskId(device.id),
        ...optional('cmb_size_mb', cmb),
        ...optional('bus', device.bus),
      },
    ],
  };
}

function fileBackend(device: Kind<'nvdimm' | 'virtio-pmem'>, backingDir: string): Props {
  const label = device.type === 'nvdimm' ? labelSize(device) : 0;
  return {
    'qom-type': 'memory-backend-file',
    id: backendId(device.id),
    'mem-path': backingPath(device.id, backingDir),
    size: parseSize(device.size) + label,
    // Without it writes stay in QEMU and the file cannot outlive a boot.
    share: true,
  };
}

function labelSize(device: Kind<'nvdimm'>): number {
  return device.label === undefined ? 0 : parseSize(device.label);
}

function backingPath(id: string, backingDir: string): string {
  return join(backingDir, `${id}.img`);
}

function port(driver: string, id: string, chassis: number, bus?: string): Props {
  return { driver, id, ...optional('bus', bus), chassis, slot: chassis };
}

function address(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function optional(key: string, value: string | number | undefined): Props {
  return value === undefined ? {} : { [key]: value };
}
