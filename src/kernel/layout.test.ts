import { expect, test } from 'vitest';
import { readLayout } from './layout.ts';

/** As readelf prints it; `kept` is where it found the name of the first member. */
const info = (kept: string): string => ` <1><2d>: Abbrev Number: 3 (DW_TAG_structure_type)
    <2e>   DW_AT_name        : (indirect string, offset: 0x1f): dev_pagemap
    <32>   DW_AT_byte_size   : 16
 <2><39>: Abbrev Number: 4 (DW_TAG_member)
    <3a>   DW_AT_name        : ${kept}kind
    <3e>   DW_AT_type        : <0x61>
    <42>   DW_AT_data_member_location: 0
 <2><43>: Abbrev Number: 4 (DW_TAG_member)
    <44>   DW_AT_name        : ops
    <48>   DW_AT_type        : <0x61>
    <4c>   DW_AT_data_member_location: 8
 <1><61>: Abbrev Number: 5 (DW_TAG_enumeration_type)
    <62>   DW_AT_name        : (indirect string, offset: 0x2b): memory_type
    <66>   DW_AT_byte_size   : 4
 <2><67>: Abbrev Number: 6 (DW_TAG_enumerator)
    <68>   DW_AT_name        : ${kept}MEMORY_DEVICE_PRIVATE
    <6c>   DW_AT_const_value : 1
`;

test.each([
  ['in place', ''],
  ['elsewhere', '(indirect string, offset: 0x1a3): '],
  ['at the very beginning of that', '(indirect string, offset: 0): '],
  ['with the lines', '(indirect line string, offset: 0x4): '],
  ['in a list', '(indexed string: 0): '],
])('a name that is kept %s', (_, kept) => {
  expect(readLayout(info(kept))).toEqual({
    size: 16,
    members: [
      { name: 'kind', offset: 0, size: 4 },
      { name: 'ops', offset: 8, size: 4 },
    ],
    values: [{ name: 'MEMORY_DEVICE_PRIVATE', value: 1 }],
  });
});

test('a file without the struct', () => {
  expect(readLayout('')).toBeUndefined();
});
