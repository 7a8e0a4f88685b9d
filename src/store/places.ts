// Where things live on this host: the only reader of the XDG variables.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Places {
  /** The project: configs/, suites/, images/. */
  readonly projectDir: string;
  /** Kernels, images, trees, object folders: may be dropped at any time. */
  readonly cacheDir: string;
  /** Runs and what was learnt about this host. */
  readonly stateDir: string;
  readonly runsDir: string;
}

export function places(environment: NodeJS.ProcessEnv = process.env): Places {
  const cache = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const state = environment['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  return {
    projectDir: fileURLToPath(new URL('../..', import.meta.url)),
    cacheDir: join(cache, 'pgmap'),
    stateDir: join(state, 'pgmap'),
    runsDir: join(state, 'pgmap/runs'),
  };
}
