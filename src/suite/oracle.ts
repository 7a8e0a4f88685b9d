// What a test left behind, as images/oracle says it in the test's output, and what that comes to.
import type { TestPoint } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import type { Suite, SuiteTest } from '../core/suite.ts';

/** The last part of the path of the point that every test gets. */
export const oraclePoint = 'leaves nothing behind';

const prefix = '# pgmap: oracle ';
const silent = 'the oracle did not come to its end: nobody knows what was left';

/**
 * Reads a test's output line by line. `point`, of a test that ended by itself or was `killed`: run-test asks the oracle only
 * in the first case, and it must have come to its end then, or nobody knows what was left.
 */
export function newOracle(
  test: SuiteTest,
  allow: Suite['allow'],
): {
  line(text: string): void;
  point(own: readonly string[], killed: boolean): TestPoint | undefined;
  /** The kernel oopsed meanwhile. @see Documentation/admin-guide/tainted-kernels.rst, flag D */
  died(): boolean;
} {
  let done = false;
  let died = false;
  const left: string[] = [];
  // A report that is allowed taints the kernel; whether it is the allowed one is for the console's reader to say.
  const mayWarn = allow.some((entry) => entry.during?.includes(test.name) ?? true);
  const isMeant = (name: string, detail: string): boolean =>
    Object.hasOwn(test.leaves, name) || (name === 'taint' && detail === '+ taint W' && mayWarn);
  return {
    line(text) {
      if (!text.startsWith(prefix)) return;
      done ||= text === `${prefix}done`;
      const [, name, detail] = /^not ok ([a-z0-9-]+): (.*)/.exec(text.slice(prefix.length)) ?? [];
      died ||= name === 'taint' && detail === '+ taint D';
      if (name === undefined || detail === undefined || isMeant(name, detail)) return;
      if (left.length < limits.diagnosticLines)
        left.push(`${name}: ${detail}`.slice(0, limits.nameCharacters));
    },
    point(own, killed) {
      const path = [...own, oraclePoint];
      if (left.length > 0) return { path, status: 'FAIL', diagnostics: left };
      if (done) return { path, status: 'PASS', diagnostics: [] };
      return killed ? undefined : { path, status: 'ERROR', diagnostics: [silent] };
    },
    died: () => died,
  };
}
