// A stand-in for qemu-system-x86_64: checks the arguments it gets, speaks QMP, writes a console and answers ssh, as the
// scenario in the JSON file $PGMAP_FAKE_QEMU says. Run as `node dist/testing/fake-qemu.js ARGS`.
import { appendFileSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import { splitLines } from '../util/lines.ts';
import { hostKeyOf } from './host-key.ts';

export interface FakeScenario {
  readonly kind:
    | 'boot-ok'
    | 'panic-in-boot'
    | 'silent'
    | 'exit-1'
    | 'die-in-firmware'
    | 'drop-ssh-after'
    | 'splat-during';
  /** Recorded console; without it a few lines of our own. */
  readonly console?: string;
  /** The guest's init never says that it is ready. */
  readonly neverReady?: boolean;
  /** Device models of this QEMU; default: all that pgmap can ask for. */
  readonly models?: readonly string[];
  /** First match answers a command; a command without a match succeeds without a word. */
  readonly exec?: readonly FakeAnswer[];
  /** drop-ssh-after: this many commands are answered, the next one prints `splat` and loses the connection. */
  readonly after?: number;
  /** splat-during: a command that matches prints `splat` on the console. */
  readonly during?: string;
  /** splat-during: only of a kernel whose image holds this text. */
  readonly kernel?: string;
  readonly splat?: string;
  /** QMP commands that are refused, and the words for it. */
  readonly refuse?: Readonly<Record<string, string>>;
  /** A kernel starts in the trial boot under KVM. */
  readonly kvm?: boolean;
}

export interface FakeAnswer {
  /** Regular expression on the whole command line. */
  readonly match: string;
  readonly stdout?: string;
  /** This again and again after it, until nobody listens any more. */
  readonly endless?: string;
  /** So many bytes of lines on the console first. */
  readonly consoleBytes?: number;
  readonly stderr?: string;
  readonly code?: number;
  readonly ms?: number;
  /** The oracle of run-test never comes to its end. */
  readonly oracle?: 'silent';
  /** Only from a kernel whose image holds this text. */
  readonly kernel?: string;
  /** Only in these boots of the scenario, the first of which is 1. */
  readonly boots?: readonly number[];
}

const argv = process.argv.slice(2);
const scenario = readScenario(process.env['PGMAP_FAKE_QEMU']);
let boot = 1;
const models =
  'nvdimm pc-dimm virtio-pmem-pci virtio-mem-pci pcie-root-port x3130-upstream xio3130-downstream nvme';
const quietBoot =
  '[    0.000000] Linux version 6.12.117 (fake)\n[    0.900000] Run /init as init\n';
const panic =
  '[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs\n[    1.100000] ---[ end Kernel panic - not syncing ]---\n';

if (argv.includes('-version')) process.stdout.write('QEMU emulator version 7.2.22 (fake)\n');
else if (argv.includes('help'))
  for (const model of scenario.models ?? models.split(' '))
    process.stdout.write(`name "${model}", bus PCI\n`);
else if (scenario.kind === 'exit-1') refuse('-device fake: exit-1 was asked for');
else if (option('-serial') === 'stdio') kvmTrial();
else await machine();

function kvmTrial(): void {
  if (scenario.kvm === true) process.stdout.write(quietBoot);
  setInterval(() => undefined, 1000);
}

function early(socket: Socket): void {
  socket.destroy();
}

async function machine(): Promise<void> {
  checkArguments();
  boot = countBoot(process.env['PGMAP_FAKE_QEMU']);
  // Only a machine needs ssh2: what is asked for its version answers sooner without.
  const { Server: SshServer } = (await import('ssh2')).default;
  const serial =
    /^file,id=console,path=(.*),append=on$/.exec(optionOf('-chardev', 'file,') ?? '')?.[1] ?? '';
  const say = (text: string): void => appendFileSync(serial, text);
  const port = Number(/hostfwd=tcp:127\.0\.0\.1:(\d+)-:22/.exec(option('-netdev') ?? '')?.[1]);
  const door = createServer({ noDelay: true }).on('connection', early);
  door.once('error', () => refuse(`Could not set up host forwarding rule 'tcp::${port}-:22'`));
  await new Promise<void>((resolve) => door.listen(port, '127.0.0.1', resolve));
  const qmpPath = /path=([^,]*)/.exec(optionOf('-chardev', 'socket,') ?? '')?.[1];
  const event = qmpPath === undefined ? () => undefined : qmpServer(qmpPath, say);

  process.on('SIGTERM', () => process.exit(0));
  if (scenario.kind === 'silent') return;
  if (scenario.kind === 'die-in-firmware') {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
    return;
  }
  say(scenario.console ?? quietBoot);
  if (scenario.kind === 'panic-in-boot') {
    say(scenario.console === undefined ? panic : '');
    event('GUEST_PANICKED', { action: 'run' });
    event('SHUTDOWN', { guest: true, reason: 'guest-reset' });
    setTimeout(() => process.exit(0), 100);
    return;
  }
  door.off('connection', early);
  guestOn(SshServer, door, say);
  const nonce = /pgmap\.ready=(\S+)/.exec(option('-append') ?? '')?.[1];
  if (nonce !== undefined && scenario.neverReady !== true)
    say(`[    1.200000] pgmap: ready ${nonce}\n`);
}

/** Wrong arguments end it as QEMU would: one line on standard error, exit code 1. */
function checkArguments(): void {
  for (const flag of ['-nodefaults', '-no-user-config', '-no-reboot'])
    if (!argv.includes(flag)) refuse(`fake: ${flag} is missing`);
  for (const file of [option('-kernel'), option('-initrd')])
    if (file !== undefined && !existsSync(file)) refuse(`could not load kernel '${file}'`);
  if (option('-kernel') === undefined) refuse('fake: no -kernel');
  if (!(option('-append') ?? '').split(' ').includes('console=ttyS0')) refuse('fake: no console');
  if (!(option('-sandbox') ?? '').startsWith('on')) refuse('fake: no sandbox');
  if (!(option('-netdev') ?? '').includes('restrict=on')) refuse('fake: the guest could get out');
  for (const word of argv) {
    const memory = /^memory-backend-file,.*mem-path=([^,]*),size=(\d+)/.exec(word);
    if (memory !== null && statSync(memory[1] ?? '').size !== Number(memory[2]))
      refuse(`backing store size of ${memory[1]} does not match 'size' option`);
    const disk = /file\.filename=(.*)$/.exec(word)?.[1];
    if (disk !== undefined && !existsSync(disk)) refuse(`Could not open '${disk}'`);
  }
}

/** @returns how to send an event to whoever is connected */
function qmpServer(
  path: string,
  say: (text: string) => void,
): (event: string, data: object) => void {
  const clients = new Set<Socket>();
  const properties = new Map<string, unknown>();
  const event = (name: string, data: object): void => {
    for (const client of clients) send(client, { event: name, data, timestamp: { seconds: 0 } });
  };
  const answer = (client: Socket, line: string): void => {
    const request: { execute: string; arguments?: Record<string, unknown> } = JSON.parse(line);
    const { execute, arguments: args = {} } = request;
    const refusal = scenario.refuse?.[execute];
    if (refusal !== undefined)
      return send(client, { error: { class: 'GenericError', desc: refusal } });
    const property = `${String(args['path'])} ${String(args['property'])}`;
    if (execute === 'qom-set')
      properties.set(property.replace('requested-size', 'size'), args['value']);
    send(client, { return: returned(execute, properties.get(property)) });
    // SysRq on the console: a kernel that lives says so.
    if (execute === 'chardev-change') say('[   99.000000] sysrq: Show State\n');
    if (execute === 'device_del') event('DEVICE_DELETED', { device: args['id'] });
    if (execute !== 'quit') return;
    event('SHUTDOWN', { guest: false, reason: 'host-qmp-quit' });
    rmSync(path, { force: true });
    setTimeout(() => process.exit(0), 5);
  };
  createServer((client) => {
    clients.add(client.on('error', () => undefined).on('close', () => clients.delete(client)));
    send(client, {
      QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 } }, capabilities: [] },
    });
    const lines = splitLines((line) => answer(client, line));
    client.on('data', (chunk: Buffer) => lines.push(chunk));
  }).listen(path);
  return event;
}

/** What a command gives. All CPUs of a guest that is asked for its registers wait for an interrupt. */
function returned(command: string, property: unknown): unknown {
  if (command === 'qom-get') return property ?? 0;
  if (command !== 'human-monitor-command') return {};
  return 'CPU#0\r\nRIP=ffffffff81000000 RFL=00000246 [-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n';
}

function guestOn(SshServer: typeof ssh2.Server, door: Server, say: (text: string) => void): void {
  let commands = 0;
  const server = new SshServer(
    { hostKeys: [hostKeyOf(option('-initrd'))] },
    (client: Connection) => {
      client.on('error', () => undefined);
      client.on('authentication', (auth) => auth.accept());
      client.on('session', (acceptSession) => {
        acceptSession().on('exec', (accept, _reject, { command }) => {
          const channel = accept();
          if (scenario.kind === 'drop-ssh-after' && ++commands > (scenario.after ?? 0)) {
            say(scenario.splat ?? '');
            door.close();
            client.end();
            return;
          }
          const splats: FakeAnswer = { match: scenario.during ?? '$^', ...ofKernel };
          if (scenario.kind === 'splat-during' && answers(splats, command))
            say(
              scenario.splat ?? '[    2.000000] WARNING: CPU: 0 PID: 1 at mm/memremap.c:1 fake\n',
            );
          const found = scenario.exec?.find((one) => answers(one, command));
          if (found?.consoleBytes !== undefined) say(consoleLines(found.consoleBytes));
          if (found?.endless !== undefined) flood(channel, found.stdout ?? '', found.endless);
          else
            setTimeout(() => finish(channel, found, command.includes('run-test')), found?.ms ?? 0);
        });
      });
    },
  );
  door.on('connection', (socket: Socket) => server.injectSocket(socket));
}

const ofKernel = scenario.kernel === undefined ? {} : { kernel: scenario.kernel };

const kernelText = (): string => readFileSync(option('-kernel') ?? '/dev/null', 'latin1');

const answers = ({ match, kernel, boots }: FakeAnswer, command: string): boolean =>
  new RegExp(match).test(command) &&
  (kernel === undefined || kernelText().includes(kernel)) &&
  (boots === undefined || boots.includes(boot));

/** Its number among the boots of this scenario; they stand in a file beside it, a line with the kernel's image each. */
function countBoot(path: string | undefined): number {
  if (path === undefined) return 1;
  appendFileSync(`${path}.boots`, `${option('-kernel') ?? ''}\n`);
  return readFileSync(`${path}.boots`, 'utf8').trimEnd().split('\n').length;
}

const consoleLines = (bytes: number): string => {
  const line = '[    5.000000] nothing of interest, once more\n';
  return line.repeat(Math.ceil(bytes / line.length));
};

/** As fast as it is taken. */
function flood(channel: ServerChannel, first: string, more: string): void {
  const chunk = more.repeat(Math.ceil(65_536 / more.length));
  const pour = (): void => {
    while (!channel.destroyed && channel.writable && channel.write(chunk)) {
      // Until it is told to wait.
    }
  };
  channel.on('error', () => undefined);
  channel.on('drain', pour);
  channel.resume();
  channel.write(first);
  pour();
}

function finish(channel: ServerChannel, answer: FakeAnswer | undefined, isTest: boolean): void {
  channel.write(answer?.stdout ?? '');
  // run-test has the last word: what the test left behind, unless it had to kill it.
  if (isTest && answer?.oracle !== 'silent' && answer?.code !== 124 && answer?.code !== 125)
    channel.write('\n# pgmap: oracle done\n');
  channel.stderr.write(answer?.stderr ?? '');
  channel.exit(answer?.code ?? 0);
  channel.end();
  // Not before: at the end of its input ssh2 closes a channel, and then there is no exit code.
  channel.resume();
}

function send(client: Socket, message: object): void {
  client.write(`${JSON.stringify(message)}\r\n`);
}

function option(name: string): string | undefined {
  const at = argv.indexOf(name);
  return at < 0 ? undefined : argv[at + 1];
}

function optionOf(name: string, prefix: string): string | undefined {
  return argv.find((word, index) => argv[index - 1] === name && word.startsWith(prefix));
}

function refuse(why: string): never {
  process.stderr.write(`qemu-system-x86_64: ${why}\n`);
  process.exit(1);
}

function readScenario(path: string | undefined): FakeScenario {
  const given: FakeScenario | undefined =
    path === undefined ? undefined : JSON.parse(readFileSync(path, 'utf8'));
  return given ?? { kind: 'boot-ok' };
}
