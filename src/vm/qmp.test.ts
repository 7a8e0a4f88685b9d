// The protocol client and hotplug on top of it, against a scripted server on a real socket.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { plug, resize, unplug } from './hotplug.ts';
import { connectQmp, nextEvent, type QmpEvent } from './qmp.ts';

interface Request {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

let dir: string;
let path: string;
let server: Server | undefined;
let seen: Request[];
const never = new AbortController().signal;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-'));
  path = join(dir, 'qmp');
  seen = [];
});
afterEach(async () => {
  server?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Greets, accepts capabilities, and leaves every other command to `answer`, which writes lines by itself. */
function serve(answer: (request: Request, say: (message: object) => void, socket: Socket) => void) {
  server = createServer((socket) => {
    const say = (message: object): void => void socket.write(`${JSON.stringify(message)}\r\n`);
    socket.on('error', () => undefined);
    say({ QMP: { version: {}, capabilities: [] } });
    let rest = '';
    socket.on('data', (chunk) => {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const request: Request = JSON.parse(line);
        if (request.execute === 'qmp_capabilities') say({ return: {} });
        else {
          seen.push(request);
          answer(request, say, socket);
        }
      }
    });
  }).listen(path);
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FailureError) return `${error.failure.blame}/${error.failure.code}`;
    throw error;
  }
  return 'no failure';
};

test('waits for the socket; replies come in order, events in between, however the bytes are cut', async () => {
  const connecting = connectQmp(path, never);
  setTimeout(
    () =>
      serve((request, _say, socket) => {
        const reply = JSON.stringify({ return: request.execute });
        socket.write('{"event":"RESUME","data":{"n":1},"timest');
        setTimeout(() => socket.write(`amp":{}}\r\n${reply}\r\n`), 5);
      }),
    20,
  );
  const qmp = await connecting;
  const events: QmpEvent[] = [];
  const stop = qmp.onEvent((event) => events.push(event));
  expect(await qmp.execute('one')).toEqual({ ok: true, value: 'one' });
  expect(events).toEqual([{ event: 'RESUME', data: { n: 1 } }]);
  stop();
  await qmp.execute('two');
  expect(events).toHaveLength(1);
  qmp.close();
});

test('a refusal is an answer', async () => {
  serve((_request, say) => say({ error: { class: 'GenericError', desc: 'not supported yet.' } }));
  const qmp = await connectQmp(path, never);
  expect(await qmp.execute('x')).toEqual({ ok: false, error: 'not supported yet.' });
  qmp.close();
});

test('a lost connection fails what waits and what comes after', async () => {
  serve((_request, _say, socket) => void socket.destroy());
  const qmp = await connectQmp(path, never);
  const waiting = nextEvent(qmp, () => true, { timeoutMs: 5000 });
  const [reply, event] = await Promise.all([codeOf(qmp.execute('x')), codeOf(waiting)]);
  expect([reply, event]).toEqual(['lab/qmp-lost', 'lab/qmp-lost']);
  await qmp.closed;
  expect(await codeOf(qmp.execute('y'))).toBe('lab/qmp-lost');
});

test('a late reply is not taken for the next one', async () => {
  const late: (() => void)[] = [];
  serve((request, say) => {
    if (request.execute === 'slow') late.push(() => say({ return: 'slow' }));
    else {
      for (const act of late) act();
      say({ return: request.execute });
    }
  });
  const qmp = await connectQmp(path, never);
  expect(await codeOf(qmp.execute('slow', undefined, { timeoutMs: 20 }))).toBe('lab/qmp-timeout');
  expect(await qmp.execute('next')).toEqual({ ok: true, value: 'next' });
  qmp.close();
});

test('an abort ends the wait for a socket, a reply and an event with its reason', async () => {
  const reason = new Error('stop');
  const soon = (): AbortSignal => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    return controller.signal;
  };
  await expect(connectQmp(path, soon())).rejects.toBe(reason);
  serve(() => undefined);
  const qmp = await connectQmp(path, never);
  await expect(qmp.execute('x', undefined, { signal: soon() })).rejects.toBe(reason);
  const event = nextEvent(qmp, () => true, { timeoutMs: 5000, signal: soon() });
  await expect(event).rejects.toBe(reason);
  qmp.close();
});

test('lines that are no messages are passed over, endless ones end the connection', async () => {
  serve((request, say, socket) => {
    if (request.execute === 'flood') socket.write('x'.repeat(5 * 2 ** 20));
    else {
      socket.write('garbage\r\n[]\r\nnull\r\n{"event":7}\r\n{}\r\n');
      say({ return: 1 });
    }
  });
  const qmp = await connectQmp(path, never);
  expect(await qmp.execute('x')).toEqual({ ok: true, value: 1 });
  expect(await codeOf(qmp.execute('flood'))).toBe('lab/qmp-lost');
});

test('plug adds backends first, and undoes them when QEMU refuses the device', async () => {
  serve(({ execute }, say) => {
    if (execute === 'device_add') say({ error: { class: 'GenericError', desc: 'no slot' } });
    else say({ return: {} });
  });
  const qmp = await connectQmp(path, never);
  const disk = { type: 'nvme', id: 'disk0', size: '64M', bus: 'rp0' } as const;
  expect(await plug(qmp, disk, '/b')).toEqual({ ok: false, error: 'no slot' });
  expect(seen.map((request) => request.execute)).toEqual([
    'blockdev-add',
    'device_add',
    'blockdev-del',
  ]);
  expect(seen[0]?.arguments).toEqual({
    driver: 'raw',
    'node-name': 'disk0-disk',
    file: { driver: 'file', filename: '/b/disk0.img' },
  });
  qmp.close();
});

test('plug gives QMP numbers and booleans, not words', async () => {
  serve((_request, say) => say({ return: {} }));
  const qmp = await connectQmp(path, never);
  const address = '0x130000000';
  const device = { type: 'nvdimm', id: 'nv', size: '256M', label: '128K', address } as const;
  expect(await plug(qmp, device, '/b')).toEqual({ ok: true });
  expect(seen.map((request) => request.arguments)).toEqual([
    {
      'qom-type': 'memory-backend-file',
      id: 'nv-mem',
      'mem-path': '/b/nv.img',
      size: 2 ** 28 + 2 ** 17,
      share: true,
    },
    { driver: 'nvdimm', id: 'nv', memdev: 'nv-mem', 'label-size': 2 ** 17, addr: 0x130000000 },
  ]);
  qmp.close();
});

test.each([
  ['DEVICE_DELETED', { device: 'd' }, { ok: true }],
  ['MEM_UNPLUG_ERROR', { device: 'd', msg: 'busy' }, { ok: false, error: 'busy' }],
  ['DEVICE_UNPLUG_GUEST_ERROR', { device: 'd' }, { ok: false, error: 'DEVICE_UNPLUG_GUEST_ERROR' }],
])('unplug ends with %s', async (event, data, want) => {
  serve(({ execute }, say) => {
    // The verdict on another device must not count, and ours may come before the reply.
    if (execute === 'device_del') say({ event: 'DEVICE_DELETED', data: { device: 'other' } });
    if (execute === 'device_del') say({ event, data });
    say({ return: {} });
  });
  const qmp = await connectQmp(path, never);
  expect(await unplug(qmp, 'd')).toEqual(want);
  qmp.close();
});

test('unplug: a refusal of QEMU and a guest that never lets go are answers', async () => {
  const why = 'nvdimm device hot unplug is not supported yet.';
  serve(({ arguments: args }, say) =>
    args?.['id'] === 'nv'
      ? say({ error: { class: 'GenericError', desc: why } })
      : say({ return: {} }),
  );
  const qmp = await connectQmp(path, never);
  expect(await unplug(qmp, 'nv')).toEqual({ ok: false, error: why });
  const stuck = await unplug(qmp, 'dimm', { timeoutMs: 30 });
  expect(stuck).toEqual({ ok: false, error: 'the guest did not let go of dimm within 30 ms' });
  qmp.close();
});

test('resize ends when the guest is there, or says where it stands', async () => {
  let size = 0;
  serve(({ execute }, say) => {
    if (execute === 'qom-set') setTimeout(() => (size = 2 ** 20), 30);
    say({ return: execute === 'qom-get' ? size : {} });
  });
  const qmp = await connectQmp(path, never);
  expect(await resize(qmp, 'vm', 2 ** 20)).toEqual({ ok: true });
  const short = await resize(qmp, 'vm', 2 ** 21, { timeoutMs: 80 });
  expect(short).toEqual({ ok: false, error: `vm is at ${2 ** 20} of ${2 ** 21} bytes` });
  qmp.close();
});
