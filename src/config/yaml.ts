// YAML in, typed values out; an error names file, line and column.
import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { FailureError } from '../core/failure.ts';

/** Reads a YAML file as `schema` says. Throws FailureError `usage/bad-yaml` with `file:line:column` for each mistake. */
export async function loadYaml<S extends z.ZodType>(file: string, schema: S): Promise<z.infer<S>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new FailureError(
      { blame: 'usage', code: 'unreadable', title: `cannot read ${file}` },
      { cause },
    );
  }
  return parseYaml(text, file, schema);
}

/** As loadYaml, for a text at hand; `file` is what errors call it. */
export function parseYaml<S extends z.ZodType>(text: string, file: string, schema: S): z.infer<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`);
  if (broken.length > 0) throw badYaml(broken);
  const result = schema.safeParse(valuesOf(document, file));
  if (result.success) return result.data;
  throw badYaml(
    result.error.issues.map((issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
      const offset = keyOffset(document, issue.path, unknown) ?? offsetOf(document, issue.path);
      const where = issue.path.length === 0 ? '' : ` (${issue.path.map(String).join('.')})`;
      return `${place(offset)}: ${issue.message}${where}`;
    }),
  );
}

/** An alias without an anchor, or too many of them, is only noticed here. */
function valuesOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw badYaml([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

/** Where the key stands that the map at `path` should not have. */
function keyOffset(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
  key: string | undefined,
): number | undefined {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return undefined;
  const found = map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return isScalar(found?.key) ? found.key.range?.[0] : undefined;
}

/** Where the value at `path` stands, or its nearest ancestor that exists. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node: unknown =
      depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range))
      return Number(node.range[0]);
  }
  return 0;
}

const badYaml = (mistakes: readonly string[]): FailureError =>
  new FailureError({
    blame: 'usage',
    code: 'bad-yaml',
    title: mistakes[0] ?? 'not valid',
    ...(mistakes.length > 1 ? { detail: mistakes.slice(1, 20).join('\n') } : {}),
    hint: 'The JSON Schemas in configs/schema/ describe each file; editors complete them.',
  });
