import { expect, test } from 'vitest';
import { userEnvironment } from './user-env.ts';

test('what reaches the world is kept, secrets and everything else are not', () => {
  const kept = {
    ...{ HOME: '/home/me', https_proxy: 'http://proxy:1', NO_PROXY: 'localhost' },
    ...{ GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'b4.midmask', GIT_CONFIG_VALUE_0: 'x' },
    ...{ REQUESTS_CA_BUNDLE: '/ca.pem', XDG_CONFIG_HOME: '/home/me/.config' },
  };
  const other = {
    ...{ PATH: '/bin', GITHUB_TOKEN: 'secret', SSH_AUTH_SOCK: '/run/agent', LD_PRELOAD: 'x.so' },
    ...{ GIT_DIR: '/elsewhere', PYTHONPATH: '/evil', XDG_CACHE_HOME: '/cache', UNSET: undefined },
  };
  expect(userEnvironment({ ...kept, ...other })).toEqual(kept);
});
