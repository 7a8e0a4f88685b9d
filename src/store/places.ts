// Where things live on this host: the only reader of the XDG variables.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
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
  // XDG Base Directory Specification: unset, empty and relative all mean the default.
  const folder = (name: string, fallback: string): string => {
    const given = environment[name] ?? '';
    return isAbsolute(given) ? given : join(homedir(), fallback);
  };
  const cache = folder('XDG_CACHE_HOME', '.cache');
  const state = folder('XDG_STATE_HOME', '.local/state');
  return {
    projectDir: fileURLToPath(new URL('../..', import.meta.url)),
    cacheDir: join(cache, 'pgmap'),
    stateDir: join(state, 'pgmap'),
    runsDir: join(state, 'pgmap/runs'),
  };
}
