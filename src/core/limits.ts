// How much a guest, a test or a build may say before it is stopped, and why that much. All of it is somebody else's output: whatever
// it is, memory and disk stay bounded. What goes beyond is an ERROR of that suite, or a FAIL of the build; nothing is dropped in silence.
import { FailureError } from './failure.ts';
import { formatSize } from './units.ts';

const kibibyte = 2 ** 10;
const mebibyte = 2 ** 20;

export const limits = {
  /** One line of a test's output. printk's own limit for a record is about 1 KiB. */
  lineBytes: 64 * kibibyte,
  /** A name, or the reason of a directive. The longest of upstream's tests have 200. */
  nameCharacters: 512,
  /** Levels of results in results. The deepest seen in the wild is four. */
  depth: 16,
  /** Lines of diagnostics that a result keeps, the last ones: a screen. */
  diagnosticLines: 40,
  /** The same in characters. */
  diagnosticCharacters: 4096,
  /** Results of one stream, e.g. a file for `pgmap report`: what fits into memory and a report. */
  resultsPerStream: 1_000_000,
  /** Results of one test, and of all tests of a job. The largest job has a few hundred. */
  results: { test: 10_000, job: 50_000 },
  /** The same as JSON: those of all jobs of a run go into one results.json, and Node has no text of more than 512 MB. */
  resultBytes: { test: 2 * mebibyte, job: 8 * mebibyte },
  /** Output, kept in tap.log: a job's is 100 KB. */
  outputBytes: { test: 16 * mebibyte, job: 64 * mebibyte },
  /** What a test may ask of its machine: QEMU's monitor answers one at a time. */
  requestsPerTest: 1000,
  /** Console of one boot. A debug kernel that warns all the time says a few MB; a serial line makes 1 to 2 MB/s. */
  consoleBytesPerBoot: 64 * mebibyte,
  /** What QEMU itself complains of in a job. It says nothing in a good run; a guest can provoke messages. */
  qemuLogBytesPerJob: 16 * mebibyte,
  /** Kernel reports of one job. A kernel that warns without end says nothing new. */
  reportsPerJob: 1000,
  /** Their text, all together; of what comes after that only the titles are kept. */
  reportBytesPerJob: 8 * mebibyte,
  /** Output of one build. A kernel of ours says 200 KB, nearly everything configured and with warnings some 20 MB. */
  buildLogBytes: 256 * mebibyte,
} as const;

/** Codes of the failure of a suite that said too much. */
export type Flood =
  'too-many-results' | 'too-much-output' | 'console-flood' | 'qemu-log-flood' | 'too-many-reports';

const words: Readonly<Record<Flood, string>> = {
  'too-many-results': `more results than anybody reads: over ${limits.results.test} of a test or ${limits.results.job} of a job, or ${formatSize(limits.resultBytes.test)} and ${formatSize(limits.resultBytes.job)} of them`,
  'too-much-output': `more output than anybody reads: over ${formatSize(limits.outputBytes.test)} of a test, or ${formatSize(limits.outputBytes.job)} of a job`,
  'console-flood': `more than ${formatSize(limits.consoleBytesPerBoot)} on the console`,
  'qemu-log-flood': `QEMU complains of more than ${formatSize(limits.qemuLogBytesPerJob)}`,
  'too-many-reports': `${limits.reportsPerJob} kernel reports or more: the rest was not looked at`,
};

/** The failure of a suite that said too much. */
export const flood = (code: Flood): FailureError =>
  new FailureError({
    blame: 'test',
    code,
    title: words[code],
    hint: 'What was said until then is in the job’s folder. Limits are in src/core/limits.ts, with the reason for each.',
  });

export const isFlood = (code: string): code is Flood => Object.hasOwn(words, code);
