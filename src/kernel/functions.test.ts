import { expect, test } from 'vitest';
import { functionSymbols, type Image, moduleImage, type ObjectSymbol, place } from './functions.ts';

const text = (name: string, value: number): ObjectSymbol => ({ name, section: '.text', value });
const image = (addresses: Record<string, bigint[]>, ...last: string[]): Image => ({
  addresses: new Map(Object.entries(addresses)),
  last,
});

test('a name of its own is its own place', () => {
  const kernel = image({ foo: [0xffffffff81000100n] });
  expect(place([text('foo', 0x40)], kernel, undefined)).toEqual([
    { name: 'foo', place: 'ffffffff81000100' },
  ]);
});

test('a static function whose name others have is found by its neighbour', () => {
  const kernel = image({ foo: [0x1000n], size_show: [0x900n, 0x1040n] });
  const symbols = [text('foo', 0), text('size_show', 0x40)];
  expect(place(symbols, kernel, undefined)[1]).toEqual({ name: 'size_show', place: '1040' });
  expect(place(symbols, kernel, 'nd_pmem')[1]).toEqual({
    name: 'size_show',
    place: 'nd_pmem:foo+64',
  });
});

test('a neighbour is of the same section, and before it', () => {
  const kernel = image({ cold: [0x9000n], late: [0x1080n], size_show: [1n, 2n] });
  const symbols = [
    { ...text('cold', 0), section: '.text.unlikely' },
    text('size_show', 0x40),
    text('late', 0x80),
  ];
  expect(place(symbols, kernel, undefined)).toContainEqual({
    name: 'size_show',
    place: undefined,
  });
});

test('what the compiler adds to a name is taken away, and its cold parts are no functions', () => {
  const kernel = image({
    'foo.isra.0': [0x10n],
    'bar.part.0.constprop.0': [0x20n],
    'foo.cold': [0x30n],
  });
  const symbols = ['foo.isra.0', 'bar.part.0.constprop.0', 'foo.cold'].map((name, at) =>
    text(name, at),
  );
  expect(place(symbols, kernel, undefined).map(({ name }) => name)).toEqual(['foo', 'bar']);
});

test('code that goes or that no probe may be in is left out, and a place is told once', () => {
  const names = ['init', 'entry', 'nd_init', 'init_module', 'gone'];
  const kernel = image(Object.fromEntries(names.map((name, at) => [name, [BigInt(at)]])));
  const symbols: ObjectSymbol[] = [
    { name: 'init', section: '.init.text', value: 0 },
    { name: 'entry', section: '.noinstr.text', value: 0 },
    { name: 'gone', section: '.exit.text', value: 0 },
    text('nd_init', 0),
    text('alias', 0),
    text('init_module', 0x40),
  ];
  const found = (module?: string) => place(symbols, kernel, module).map(({ name }) => name);
  expect(found()).toEqual(['nd_init']);
  // A module's goes with the module.
  expect(found('nd_pmem')).toEqual(['gone', 'nd_init']);
});

test('the end of a module is not probed', () => {
  const module = image({ foo: [0n], foo_exit: [0x10n] }, 'foo_exit', 'cleanup_module');
  expect(place([text('foo', 0), text('foo_exit', 0x10)], module, 'm')).toEqual([
    { name: 'foo', place: 'm:foo+0' },
    { name: 'foo_exit', place: undefined },
  ]);
});

// As `readelf -SsW` of binutils 2.40 prints a module, shortened.
const listing = `There are 41 section headers, starting at offset 0x4f78:

Section Headers:
  [Nr] Name              Type            Address          Off    Size   ES Flg Lk Inf Al
  [ 0]                   NULL            0000000000000000 000000 000000 00      0   0  0
  [ 1] .note.Linux       NOTE            0000000000000000 000070 000030 00   A  0   0  4
  [ 3] .text             PROGBITS        0000000000000000 0000a0 000575 00  AX  0   0 16
  [ 5] .init.text        PROGBITS        0000000000000000 000620 000088 00  AX  0   0 16
  [ 7] .exit.text        PROGBITS        0000000000000000 0006b0 000047 00  AX  0   0 16
  [12] .data             PROGBITS        0000000000000000 000a00 000040 00  WA  0   0 32

Symbol table '.symtab' contains 41 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND 
    12: 0000000000000000   136 FUNC    LOCAL  DEFAULT    5 dax_kmem_init
    17: 0000000000000000   128 FUNC    LOCAL  DEFAULT    3 dax_kmem_range.isra.0
    18: 0000000000000080   927 FUNC    LOCAL  DEFAULT    3 dev_dax_kmem_probe
    20: 0000000000000000   240 OBJECT  LOCAL  DEFAULT   12 device_dax_kmem_driver
    21: 0000000000000000    71 FUNC    LOCAL  DEFAULT    7 dax_kmem_exit
    30: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND kfree
    35: 0000000000000000    71 FUNC    GLOBAL DEFAULT    7 cleanup_module
`;

test('an object’s functions are read with their sections', () => {
  expect(functionSymbols(listing)).toContainEqual({
    name: 'dev_dax_kmem_probe',
    section: '.text',
    value: 0x80,
  });
  expect(functionSymbols(listing).map(({ section }) => section)).toEqual([
    '.init.text',
    '.text',
    '.text',
    '.exit.text',
    '.exit.text',
  ]);
});

test('a module’s symbols are read, and what its code ends with', () => {
  const { addresses, last } = moduleImage(listing);
  expect(last).toEqual(['dax_kmem_exit', 'cleanup_module']);
  expect(addresses.get('dev_dax_kmem_probe')).toEqual([0x80n]);
  // It is in another module.
  expect(addresses.has('kfree')).toBe(false);
  expect(moduleImage('').last).toEqual([]);
});
