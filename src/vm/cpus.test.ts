import { expect, test } from 'vitest';
import { type CpuState, deafCpus, isSteady, parseRegisters } from './cpus.ts';

const registers = (index: number, rip: string, flags: string, level: number, halted: number) =>
  `CPU#${index}\r
RAX=0000000000000000 RBX=ffff888011e23c00 RCX=0000000000000002 RDX=ffff888011f00000\r
RIP=${rip} RFL=${flags} [---Z-P-] CPL=${level} II=0 A20=1 SMM=0 HLT=${halted}\r
ES =0000 0000000000000000 00000000 00000000\r
`;

test('the CPUs of `info registers -a`', () => {
  const text = [
    registers(0, 'ffffffff8148c023', '00000246', 0, 1),
    registers(1, 'ffffffffa0017023', '00000046', 0, 0),
    registers(2, '0000000000401a0d', '00000202', 3, 0),
  ].join('');
  const rest = { inUserSpace: false, halted: false, takesInterrupts: true };
  expect(parseRegisters(text)).toEqual([
    { ...rest, index: 0, rip: 'ffffffff8148c023', halted: true },
    { ...rest, index: 1, rip: 'ffffffffa0017023', takesInterrupts: false },
    { ...rest, index: 2, rip: '0000000000401a0d', inUserSpace: true },
  ]);
});

test('what is no such text has no CPUs', () => {
  for (const text of ['', 'CPU#0\r\nnothing', 'RIP=ffffffff8148c023', `CPU#${'9'.repeat(9)}`])
    expect(parseRegisters(text)).toEqual([]);
});

const page = 'ffffffffa0017';
const cpu = (index: number, state: Partial<CpuState> = {}): CpuState => ({
  ...{ index, rip: `${page}023`, halted: false, inUserSpace: false, takesInterrupts: false },
  ...state,
});

test('a CPU that stays in one page without interrupts is deaf, and no other', () => {
  const halted = cpu(1, { halted: true, takesInterrupts: true });
  expect(
    deafCpus([
      [cpu(0), halted],
      [cpu(0, { rip: `${page}fff` }), halted],
    ]),
  ).toEqual([0]);
  expect(deafCpus([[cpu(0)], [cpu(0, { takesInterrupts: true })], [cpu(0)]])).toEqual([]);
  expect(deafCpus([[cpu(0)], [cpu(0, { rip: 'ffffffff81000023' })]])).toEqual([]);
  // Dead after a panic, or taken offline.
  expect(deafCpus([[cpu(0, { halted: true })], [cpu(0, { halted: true })]])).toEqual([]);
  expect(deafCpus([[cpu(0)], []])).toEqual([]);
  expect(deafCpus([])).toEqual([]);
});

test('a machine is steady when all of its CPUs are deaf or wait', () => {
  const waiting = cpu(1, { halted: true });
  const working = cpu(1, { rip: '0000000000401a0d', inUserSpace: true, takesInterrupts: true });
  expect(
    isSteady([
      [cpu(0), waiting],
      [cpu(0), waiting],
    ]),
  ).toBe(true);
  expect(
    isSteady([
      [cpu(0), working],
      [cpu(0), working],
    ]),
  ).toBe(false);
  expect(isSteady([[waiting], [waiting]])).toBe(false);
  expect(isSteady([[]])).toBe(false);
});
