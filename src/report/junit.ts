// JUnit XML as Jenkins and GitLab read it: a test suite per job, and one for the run itself (build, memory types).
import type { TestPoint } from '../core/event.ts';
import type { RunResult } from '../core/result.ts';
import { tally } from '../core/status.ts';
import { cut, visible } from './escape.ts';
import { jobPoints, notGreen, runPoints, textColumns } from './points.ts';

interface Suite {
  readonly name: string;
  /** First part of every class name, so that one suite on two topologies does not collide. */
  readonly group: string;
  readonly ms: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly points: readonly TestPoint[];
  /** Passed tests have no place for remarks: they go to the suite's output. */
  readonly output: readonly string[];
}

/** FAIL is a `failure`; ERROR and MISS are an `error`, told apart by `type`. Always well-formed XML 1.0. */
export function junit(result: RunResult): string {
  const suites: Suite[] = [];
  const own = runPoints(result);
  if (own.length > 0)
    suites.push({
      name: 'run',
      group: 'pgmap',
      ms: result.steps.reduce((ms, step) => ms + step.ms, 0),
      properties: {
        subject: result.subject,
        accel: result.host.accel,
        ...(result.kernel === undefined ? {} : { kernel: result.kernel.release }),
      },
      points: own,
      output: result.notes,
    });
  for (const job of result.jobs)
    suites.push({
      name: `${job.suite} @ ${job.topology}`,
      group: job.topology,
      ms: job.ms,
      properties: { topology: job.topology, status: job.status, reproduce: job.reproduce },
      points: jobPoints(job, result.changes),
      output: job.splats.flatMap((splat) =>
        splat.allowed === undefined ? [] : [`allowed: ${splat.title} (${splat.allowed})`],
      ),
    });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="pgmap" ${counts(
      suites.flatMap((suite) => suite.points),
      result.timing.totalMs,
    )}>`,
    ...suites.flatMap((suite) => element(suite, result.startedAt)),
    '</testsuites>',
    '',
  ].join('\n');
}

function element(suite: Suite, startedAt: string): string[] {
  const timestamp = startedAt === '' ? '' : ` timestamp="${attribute(startedAt)}"`;
  const output = [
    ...suite.output,
    ...suite.points.flatMap((point) =>
      point.status === 'PASS' && point.directive !== undefined
        ? [`${point.path.join(' > ')}: ${point.directive.name} ${point.directive.reason}`]
        : [],
    ),
  ];
  return [
    `  <testsuite name="${attribute(suite.name)}" ${counts(suite.points, suite.ms)}${timestamp}>`,
    '    <properties>',
    ...Object.entries(suite.properties).map(
      ([name, value]) => `      <property name="${name}" value="${attribute(value)}"/>`,
    ),
    '    </properties>',
    ...suite.points.flatMap((point) => testcase(suite.group, point)),
    ...(output.length === 0 ? [] : [`    <system-out>${lines(output)}</system-out>`]),
    '  </testsuite>',
  ];
}

function testcase(group: string, point: TestPoint): string[] {
  const name = point.path.at(-1) ?? '';
  const classname = [group, ...point.path.slice(0, -1)].join('.');
  const open = `    <testcase classname="${attribute(classname)}" name="${attribute(name)}" time="${seconds(point.ms ?? 0)}"`;
  const message = attribute(point.diagnostics[0] ?? point.directive?.reason ?? point.status);
  const output =
    point.diagnostics.length === 0
      ? []
      : [`      <system-out>${lines(point.diagnostics)}</system-out>`];
  const closing = '    </testcase>';
  if (notGreen(point.status)) {
    const tag = point.status === 'FAIL' ? 'failure' : 'error';
    return [
      `${open}>`,
      `      <${tag} type="${point.status}" message="${message}">${lines(point.diagnostics)}</${tag}>`,
      closing,
    ];
  }
  if (point.status === 'SKIP') {
    const reason = attribute(point.directive?.reason ?? '');
    return [`${open}>`, `      <skipped message="${reason}"/>`, ...output, closing];
  }
  return output.length === 0 ? [`${open}/>`] : [`${open}>`, ...output, closing];
}

function counts(points: readonly TestPoint[], ms: number): string {
  const count = tally(points.map((point) => point.status));
  return `tests="${points.length}" failures="${count.FAIL}" errors="${count.ERROR + count.MISS}" skipped="${count.SKIP}" time="${seconds(ms)}"`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/**
 * Text that XML 1.0 can hold: characters it forbids are made visible, as all others a terminal would act on; of
 * `]]>` the last character is an entity like every other `>`.
 */
const escapeXml = (text: string): string =>
  cut(visible(text.slice(0, 2 * textColumns)), textColumns)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const attribute = (text: string): string =>
  escapeXml(text).replaceAll('"', '&quot;').replaceAll("'", '&apos;');

const lines = (texts: readonly string[]): string => texts.map(escapeXml).join('\n');
