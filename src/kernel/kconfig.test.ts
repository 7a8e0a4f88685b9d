import { expect, test } from 'vitest';
import {
  formatConfig,
  kconfigEntries,
  lossReason,
  lostSymbols,
  mergeFragments,
  parseConfig,
} from './kconfig.ts';

test('the later fragment wins, and a disagreement is noted', () => {
  const merged = mergeFragments([
    { name: 'base', text: '# words\nCONFIG_NET=y\nCONFIG_DAX=m\n# CONFIG_VT is not set\n' },
    { name: 'mine', text: 'CONFIG_DAX=y\nCONFIG_NET=y\nCONFIG_TIMEOUT=20\n' },
  ]);
  expect(merged.text).toBe(
    'CONFIG_DAX=y\nCONFIG_NET=y\nCONFIG_TIMEOUT=20\n# CONFIG_VT is not set\n',
  );
  expect(merged.conflicts).toEqual(['CONFIG_DAX: base says m, mine says y']);
});

test('the order of fragments and lines does not change the text that makes the key', () => {
  const a = { name: 'a', text: 'CONFIG_A=y\nCONFIG_C=m\n' };
  const b = { name: 'b', text: '\n\n# why\nCONFIG_B="x y"\n' };
  expect(mergeFragments([a, b]).text).toBe(mergeFragments([b, a]).text);
});

test('what is written is read again', () => {
  const symbols = new Map([
    ['A', 'y'],
    ['B', 'n'],
    ['C', '"a = b"'],
    ['D', '0x100'],
  ]);
  expect(parseConfig(formatConfig(symbols))).toEqual(symbols);
  expect(parseConfig('CONFIG_A=y # no comment\nnot CONFIG_B=y\n#CONFIG_C is not set\n')).toEqual(
    new Map([['A', 'y # no comment']]),
  );
});

test('only what was asked for can be lost, and n is kept by being absent', () => {
  const asked = parseConfig('CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=20\n');
  const final = parseConfig('CONFIG_A=y\nCONFIG_B=y\nCONFIG_D=30\nCONFIG_E=y\n');
  expect(lostSymbols(asked, final)).toEqual(['B', 'D']);
});

const kconfig = `
menu "Memory"
	depends on MMU

config ZONE_DEVICE
	bool "Device memory"
	depends on MEMORY_HOTPLUG
	depends on (SPARSEMEM_VMEMMAP || \\
		    FLATMEM) && !BROKEN # odd
	help
	  Text that speaks of a
	    depends on NOTHING
	  and of config WRONG.

config ZONE_CHILD
	bool
	default y

if EXPERT
config KNOB
	int "Knob"
	depends on LEVEL = 2
endif

endmenu

config FREE
	tristate
	prompt "Free"

config FREE
	tristate
	depends on OTHER_ARCH
`;

test('entries carry their own conditions and those around them', () => {
  expect(kconfigEntries(kconfig, 'ZONE_DEVICE')).toEqual([
    {
      depends: ['MMU', 'MEMORY_HOTPLUG', '(SPARSEMEM_VMEMMAP || FLATMEM) && !BROKEN'],
      prompt: true,
    },
  ]);
  expect(kconfigEntries(kconfig, 'KNOB')).toEqual([
    { depends: ['MMU', 'EXPERT', 'LEVEL = 2'], prompt: true },
  ]);
  expect(kconfigEntries(kconfig, 'FREE')).toEqual([
    { depends: [], prompt: true },
    { depends: ['OTHER_ARCH'], prompt: false },
  ]);
  expect(kconfigEntries(kconfig, 'WRONG')).toEqual([]);
});

test.each([
  ['NOWHERE', 'y', '', 'unknown in this tree'],
  ['ZONE_DEVICE', 'y', 'CONFIG_MMU=y\nCONFIG_FLATMEM=y\n', 'unmet dependency: MEMORY_HOTPLUG (=n)'],
  [
    'ZONE_DEVICE',
    'y',
    'CONFIG_MMU=y\nCONFIG_MEMORY_HOTPLUG=y\n',
    'unmet dependency: (SPARSEMEM_VMEMMAP (=n) || FLATMEM (=n)) && !BROKEN',
  ],
  ['KNOB', '1', 'CONFIG_MMU=y\nCONFIG_EXPERT=y\nCONFIG_LEVEL=3\n', 'unmet dependency: LEVEL = 2'],
  ['KNOB', '1', 'CONFIG_MMU=y\nCONFIG_EXPERT=y\nCONFIG_LEVEL=2\nCONFIG_KNOB=7\n', 'is =7, asked 1'],
  ['FREE', 'm', 'CONFIG_FREE=y\n', 'is =y, asked m'],
  ['FREE', 'n', 'CONFIG_FREE=y\n', 'is =y, asked n: another symbol selects it'],
  [
    'ZONE_CHILD',
    'y',
    'CONFIG_MMU=y\n',
    'cannot be asked for: it has no prompt, and nothing selects it',
  ],
])('%s=%s', (symbol, asked, final, reason) => {
  const entries = kconfigEntries(kconfig, symbol);
  expect(lossReason(asked, parseConfig(final), symbol, entries)).toBe(reason);
});

test('unbalanced or endless input neither throws nor hangs', () => {
  for (const text of ['endif\nendmenu\nconfig A\n', 'if\nconfig A\n', 'config A\n\tdepends on ((('])
    expect(kconfigEntries(text, 'A')).toHaveLength(1);
  const deep = { depends: ['('.repeat(2000) + 'B'], prompt: true };
  expect(lossReason('y', new Map(), 'A', [deep])).toContain('unmet dependency');
});
