// A guest reaches nothing of this host: not what listens on the loopback, behind the address that QEMU gives the host there.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectDir } from './pgmap.ts';

test('neither by TCP nor by UDP nor by name', async () => {
  const heard: string[] = [];
  const tcp = createServer((socket) => {
    heard.push('tcp');
    socket.end('hello\n');
  }).listen(0, '127.0.0.1');
  const udp = createSocket('udp4', () => heard.push('udp'));
  udp.bind(0, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  const address = tcp.address();
  const port = typeof address === 'object' ? address?.port : 0;
  // It is there for those who may come.
  await once(connect(port ?? 0, '127.0.0.1').resume(), 'close');
  expect(heard.splice(0)).toEqual(['tcp']);
  const commands = [
    `nc -w 5 10.0.2.2 ${port} </dev/null; echo tcp=$?`,
    `nc -w 5 127.0.0.1 ${port} </dev/null; echo own=$?`,
    `echo x | nc -u -w 2 10.0.2.2 ${udp.address().port}; echo udp sent`,
    'nslookup example.org 10.0.2.3 >/dev/null 2>&1; echo dns=$?',
    'ifconfig eth0 | grep -c 10.0.2.15',
    'exit',
  ];
  const child = spawn(
    process.execPath,
    [join(projectDir, 'dist/cli.js'), 'shell', '--topology', 'nvdimm'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.end(`${commands.join('\n')}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  tcp.close();
  udp.close();
  expect(code, said).toBe(0);
  expect(said).toMatch(/^tcp=1\r?$/m);
  expect(said).toMatch(/^own=1\r?$/m);
  expect(said).toMatch(/^udp sent\r?$/m);
  expect(said).toMatch(/^dns=1\r?$/m);
  // It has a network all the same.
  expect(said).toMatch(/^1\r?$/m);
  expect(heard).toEqual([]);
});
