/**
 * XML: the elements that repeat are the rows; their attributes and children are the columns. The text may be cut off
 * anywhere; only elements that were closed count. Entities of the document's own are not expanded.
 */
import { SaxesParser } from 'saxes';
import type { InferredColumn, TextFinding } from '../classified.ts';
import { type InferredType, mergeTypes, NOTHING, STRING, typeOfText } from '../inferred-type.ts';

const MOST_NODES = 50_000;
const DEEPEST = 20;

interface Element {
  readonly name: string;
  readonly depth: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
  closed: boolean;
}

interface Parsed {
  readonly root?: Element;
  /** Why the parser stopped before the end. */
  readonly stopped?: string;
}

function parse(text: string): Parsed {
  const parser = new SaxesParser({ xmlns: false });
  const open: Element[] = [];
  let root: Element | undefined;
  let nodes = 0;
  let stopped: string | undefined;
  parser.on('opentag', (tag) => {
    if (++nodes > MOST_NODES) throw new Error('enough');
    const parent = open.at(-1);
    const element: Element = {
      name: tag.name,
      depth: open.length,
      attributes: tag.attributes as Record<string, string>,
      children: [],
      text: '',
      closed: false,
    };
    if (parent === undefined) root = element;
    else parent.children.push(element);
    open.push(element);
  });
  const addText = (part: string) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop();
    if (element !== undefined) element.closed = true;
  });
  parser.on('error', (error) => {
    throw error;
  });
  try {
    parser.write(text);
    parser.close();
  } catch (error) {
    stopped = (error as Error).message;
  }
  return { ...(root === undefined ? {} : { root }), ...(stopped === undefined ? {} : { stopped }) };
}

function typeOf(element: Element): InferredType {
  if (element.depth > DEEPEST) return STRING;
  const fields = fieldsOf(element);
  if (Object.keys(fields).length === 0) return typeOfText(element.text);
  return { kind: 'struct', fields };
}

/** Attributes, children and, beside them, the element's own text as `_value`. A child that repeats is an array. */
function fieldsOf(element: Element): Record<string, InferredType> {
  const fields: Record<string, InferredType> = {};
  for (const [name, value] of Object.entries(element.attributes)) {
    if (!name.startsWith('xmlns') && !name.startsWith('xsi:')) fields[name] = typeOfText(value);
  }
  const byName = new Map<string, InferredType[]>();
  for (const child of element.children) {
    if (child.closed) byName.set(child.name, [...(byName.get(child.name) ?? []), typeOf(child)]);
  }
  for (const [name, types] of byName) {
    const type = types.reduce(mergeTypes, NOTHING);
    fields[name] = types.length > 1 ? { kind: 'array', element: type } : type;
  }
  const own = element.text.trim();
  if (own !== '' && Object.keys(fields).length > 0) fields._value = typeOfText(own);
  return fields;
}

/** A list and a single one of the same field: rows with one child and rows with several. */
function mergeRowTypes(a: InferredType, b: InferredType): InferredType {
  if (a.kind === 'array' && b.kind !== 'array') return { kind: 'array', element: mergeTypes(a.element, b) };
  if (b.kind === 'array' && a.kind !== 'array') return { kind: 'array', element: mergeTypes(a, b.element) };
  return mergeTypes(a, b);
}

function allOf(element: Element, name: string): Element[] {
  const own = element.name === name && element.closed ? [element] : [];
  return own.length > 0 ? own : element.children.flatMap((child) => allOf(child, name));
}

/** The tag of the shallowest elements that repeat below one parent; without any, the root's only child's. */
function rowTagOf(root: Element): string | undefined {
  let level = [root];
  while (level.length > 0) {
    for (const parent of level) {
      const counts = new Map<string, number>();
      for (const child of parent.children) counts.set(child.name, (counts.get(child.name) ?? 0) + 1);
      const [most] = [...counts].sort(([, a], [, b]) => b - a);
      if (most !== undefined && most[1] > 1) return most[0];
    }
    level = level.flatMap((parent) => parent.children);
  }
  return root.children.find((child) => child.closed && child.children.length > 0)?.name;
}

/** `rowTag` is a custom classifier's; without it the tag that repeats is taken. `whole` is false for a beginning. */
export function classifyXml(text: string, whole: boolean, rowTag?: string): TextFinding {
  const beginning = text.trimStart();
  if (!beginning.startsWith('<')) return { saw: 'a beginning that is no tag' };
  if (/^<(?:!doctype\s+html|html)\b/i.test(beginning)) return { saw: 'an HTML page' };
  const { root, stopped } = parse(beginning);
  if (root === undefined) return { saw: `no element (${(stopped ?? 'empty').slice(0, 80)})` };
  if (whole && stopped !== undefined && stopped !== 'enough') {
    return { saw: `XML that is not well-formed (${stopped.slice(0, 80)})` };
  }
  const tag = rowTag ?? rowTagOf(root);
  if (tag === undefined) return { saw: `a root \`${root.name}\` without elements that repeat` };
  const rows = allOf(root, tag);
  if (rows.length === 0) return { saw: `no complete element \`${tag}\`` };
  const fields = new Map<string, InferredType>();
  for (const row of rows) {
    const own = fieldsOf(row);
    const named = Object.keys(own).length === 0 ? { [tag]: typeOfText(row.text) } : own;
    for (const [name, type] of Object.entries(named)) {
      const known = fields.get(name);
      fields.set(name, known === undefined ? type : mergeRowTypes(known, type));
    }
  }
  const columns = [...fields].map(([name, type]): InferredColumn => ({ name, type }));
  if (columns.length === 0) return { saw: `elements \`${tag}\` without attributes and children` };
  return {
    format: 'xml',
    certainty: 1,
    columns,
    reading: { rowTag: tag },
    records: rows.length,
    recordBytes: Buffer.byteLength(text),
  };
}
