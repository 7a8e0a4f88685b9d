import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { places } from './places.ts';

test('the XDG variables decide', () => {
  expect(places({ XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' })).toMatchObject({
    cacheDir: '/c/pgmap',
    stateDir: '/s/pgmap',
    runsDir: '/s/pgmap/runs',
  });
});

// "If unset or empty"; "a relative path … must be ignored": XDG Base Directory Specification.
test.each([
  {},
  { XDG_CACHE_HOME: '', XDG_STATE_HOME: '' },
  { XDG_CACHE_HOME: 'c', XDG_STATE_HOME: 's' },
])('%j means the defaults', (environment) => {
  expect(places(environment)).toMatchObject({
    cacheDir: join(homedir(), '.cache/pgmap'),
    runsDir: join(homedir(), '.local/state/pgmap/runs'),
  });
});

test('the project is where its data is', () => {
  for (const name of ['configs', 'suites', 'images'])
    expect(existsSync(join(places({}).projectDir, name)), name).toBe(true);
});
