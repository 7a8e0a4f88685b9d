// What git apply and git am say about a patch that does not fit, as data.

export interface Conflict {
  readonly file: string;
  /** Line of the old file where the hunk that does not fit should begin. */
  readonly line?: number;
  /** git's reason, e.g. `patch does not apply`. */
  readonly reason: string;
}

/** The first conflict in git's messages; undefined if they speak of something else. */
export function firstConflict(messages: string): Conflict | undefined {
  let hunk: { file: string; line: number } | undefined;
  for (const message of messages.split('\n')) {
    const failed = /^error: patch failed: (.+):(\d+)$/.exec(message);
    if (failed !== null) hunk ??= { file: failed[1] ?? '', line: Number(failed[2]) };
    const merge = /^CONFLICT \(([^)]+)\): (?:Merge conflict in )?(\S+)/.exec(message);
    const file = hunk?.file ?? merge?.[2];
    if (merge !== null && file !== undefined)
      return { ...hunk, file, reason: `${merge[1] ?? ''} conflict` };
    const error =
      /^error: (.+?): (patch does not apply|does not exist in index|does not match index|already exists in index|already exists in working directory|No such file or directory|wrong type)$/.exec(
        message,
      );
    if (error !== null) {
      const reason = error[2] ?? '';
      return { ...(hunk?.file === error[1] ? hunk : {}), file: error[1] ?? '', reason };
    }
  }
  return hunk === undefined ? undefined : { ...hunk, reason: 'patch does not apply' };
}

/** The hunk of `patch` that changes `file` from `line` on: its number in that file, from 1, and its `@@` line. */
export function findHunk(
  patch: string,
  file: string,
  line: number,
): { number: number; header: string } | undefined {
  let current = '';
  let number = 0;
  for (const text of patch.split('\n')) {
    const name = /^(?:---|\+\+\+) (?:[^/\s]+\/)?([^\t\r]+)/.exec(text)?.[1];
    if (name !== undefined) {
      current = name;
      number = 0;
    }
    const start = /^@@ -(\d+)/.exec(text)?.[1];
    if (start === undefined || current !== file) continue;
    number++;
    if (Number(start) === line) return { number, header: text.trimEnd() };
  }
  return undefined;
}
