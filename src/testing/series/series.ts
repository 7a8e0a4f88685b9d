// Small series on Debian's linux-source-6.12, as mails: one for each way that a series can come out.
import { join } from 'node:path';

const file = (name: string): string => join(import.meta.dirname, `${name}.mbox`);

export const series = {
  /** Two patches and a cover letter: a comment, and a test that gets a name. Nothing changes for anybody. */
  cleanUp: file('clean-up'),
  /** Four patches to mm/memremap.c: the second does not compile (an undeclared function), the third mends it. */
  brokenBuild: file('broken-build'),
  /**
   * Five patches and a cover letter: the third leaves the linear map of MEMORY_DEVICE_COHERENT behind when it is removed.
   * The first two and the fourth leave code and data as they were.
   */
  coherentLinearMap: file('coherent-linear-map'),
  /** Two patches made side by side: the second applies by a three-way merge only. */
  threeWay: file('three-way'),
  /** Eight patches to mm/memremap.c, each of which changes code, and nothing that anybody could see. */
  eight: file('eight'),
  /** Two patches made on linux-source-6.1: the first applies, the second does not, mm/memremap.c, hunk 1. */
  madeOn61: file('made-on-6.1'),
} as const;
