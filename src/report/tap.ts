// TAP 14, nested job > test > case. What is not PASS is `not ok`; ERROR and MISS are told apart in the YAML block.
import type { TestPoint } from '../core/event.ts';
import type { RunResult } from '../core/result.ts';
import { type Status, worst } from '../core/status.ts';
import { clean } from './escape.ts';
import { jobPoints, notGreen, runPoints, textColumns } from './points.ts';

/** @see https://testanything.org/tap-version-14-specification.html */
export function tap(result: RunResult): string {
  const top: Node[] = [];
  const run = treeOf(runPoints(result), 0);
  top.push(...run);
  for (const job of result.jobs)
    top.push({
      name: `${job.suite} @ ${job.topology}`,
      points: [],
      children: treeOf(jobPoints(job, result.changes), 1),
      more: { ms: job.ms, reproduce: job.reproduce },
    });
  return `${['TAP version 14', ...level(top, '')].join('\n')}\n`;
}

/** One level of a path. A name that came twice has two points; a parent may have a point of its own. */
interface Node {
  readonly name: string;
  readonly points: TestPoint[];
  readonly children: Node[];
  readonly more?: { readonly ms: number; readonly reproduce: string };
}

/** `from`: how many levels of the paths the place in the document says already. */
function treeOf(points: readonly TestPoint[], from: number): Node[] {
  const root: Node = { name: '', points: [], children: [] };
  const index = new Map<Node, Map<string, Node>>();
  for (const point of points) {
    let node = root;
    const path = point.path.length > from ? point.path.slice(from) : [point.path.at(-1) ?? ''];
    for (const name of path) {
      const names = index.get(node) ?? new Map<string, Node>();
      index.set(node, names);
      const child = names.get(name) ?? { name, points: [], children: [] };
      if (!names.has(name)) node.children.push(child);
      names.set(name, child);
      node = child;
    }
    node.points.push(point);
  }
  return root.children;
}

function level(nodes: readonly Node[], indent: string): string[] {
  const lines: string[] = [];
  let count = 0;
  for (const node of nodes) {
    if (node.children.length === 0)
      for (const point of node.points)
        lines.push(
          ...line(++count, node.name, point.status, reasonOf([point]), indent),
          ...below(point.status, point.diagnostics, { ms: point.ms }, indent),
          ...remark(point, indent),
        );
    else {
      const points = allPoints(node);
      const status = worst(points.map((point) => point.status));
      lines.push(
        `${indent}# Subtest: ${escapeName(node.name)}`,
        ...level(node.children, `${indent}    `),
        ...line(++count, node.name, status, reasonOf(points), indent),
        ...below(
          status,
          node.points.flatMap((point) => point.diagnostics),
          node.more ?? {},
          indent,
        ),
      );
    }
  }
  return [`${indent}1..${count}${count === 0 ? ' # SKIP nothing to report' : ''}`, ...lines];
}

function line(
  number: number,
  name: string,
  status: Status,
  reason: string,
  indent: string,
): string[] {
  const words = `${number} - ${escapeName(name)}`;
  if (status === 'SKIP') return [`${indent}ok ${words} # SKIP ${escapeName(reason)}`.trimEnd()];
  return [`${indent}${status === 'PASS' ? 'ok' : 'not ok'} ${words}`];
}

/** The YAML block of a line that is not green. JSON strings are YAML, and hold any text. */
function below(
  status: Status,
  diagnostics: readonly string[],
  more: { readonly ms?: number | undefined; readonly reproduce?: string },
  indent: string,
): string[] {
  if (!notGreen(status)) return [];
  const block = ['---', `status: ${status}`];
  if (more.ms !== undefined) block.push(`duration_ms: ${more.ms}`);
  if (more.reproduce !== undefined && more.reproduce !== '')
    block.push(`reproduce: ${scalar(more.reproduce)}`);
  if (diagnostics.length > 0) block.push('diagnostics:');
  for (const text of diagnostics) block.push(`  - ${scalar(text)}`);
  block.push('...');
  return block.map((text) => `${indent}  ${text}`);
}

/** XFAIL and TODO count as passed, but must not look like nothing happened. */
const remark = (point: TestPoint, indent: string): string[] =>
  point.status === 'PASS' && point.directive !== undefined
    ? [`${indent}# ${escapeName(`${point.directive.name} ${point.directive.reason}`)}`.trimEnd()]
    : [];

const allPoints = (node: Node): TestPoint[] => [
  ...node.points,
  ...node.children.flatMap(allPoints),
];

const reasonOf = (points: readonly TestPoint[]): string =>
  [...new Set(points.map((point) => point.directive?.reason ?? ''))].filter(Boolean).join('; ');

const scalar = (text: string): string => JSON.stringify(clean(text, textColumns));

/** A description on one line: no directive can start in it, and no brace at its end opens a block. */
function escapeName(name: string): string {
  const text = clean(name, textColumns)
    .replaceAll('\\', '\\\\')
    .replaceAll('#', '\\#')
    .replaceAll(/\s+/g, ' ')
    .trim();
  if (text === '') return '(no name)';
  return text.endsWith('{') ? `${text}.` : text;
}
