/**
 * Reading the forms of the query protocol by an input schema: `Tags.member.1.Key=a`, `Filter.entry.1.key=b`.
 * **Source**: Smithy 2.0, "AWS query protocol".
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { missingMember, wrongType } from '../input-errors.ts';
import { requiredMembers } from '../service-model.ts';

/** The dotted names of a form as a tree: a node has a value, children, or both. */
interface FormNode {
  value: string | undefined;
  readonly children: Map<string, FormNode>;
}

const MAX_DEPTH = 40;
const newNode = (): FormNode => ({ value: undefined, children: new Map() });

/** The tree of a decoded form. */
export function formTree(parameters: Iterable<readonly [string, string]>): FormNode {
  const root = newNode();
  for (const [name, value] of parameters) {
    let node = root;
    for (const part of name.split('.', MAX_DEPTH)) {
      let child = node.children.get(part);
      if (child === undefined) {
        child = newNode();
        node.children.set(part, child);
      }
      node = child;
    }
    node.value = value;
  }
  return root;
}

/** The input of an operation. **Errors**: `missing_argument`, `malformed_request`, each naming the member. */
export function readForm(schema: NormalizedSchema, root: FormNode): object {
  return schema.isStructSchema() ? readStruct(schema, root, '') : {};
}

function readStruct(schema: NormalizedSchema, node: FormNode, path: string): object {
  const output: Record<string, unknown> = {};
  const required = requiredMembers(schema);
  for (const [name, member] of schema.structIterator()) {
    const key = (member.getMergedTraits().xmlName as string | undefined) ?? name;
    const child = node.children.get(key);
    const at = path === '' ? name : `${path}.${name}`;
    if (child !== undefined) output[name] = readValue(member, child, at);
    else if (required.includes(name)) throw missingMember(at);
  }
  return output;
}

function readValue(schema: NormalizedSchema, node: FormNode, path: string): unknown {
  if (schema.isStructSchema()) return readStruct(schema, node, path);
  if (schema.isListSchema()) {
    const member = schema.getValueSchema();
    const flat = schema.getMergedTraits().xmlFlattened;
    const name = (member.getMergedTraits().xmlName as string | undefined) ?? 'member';
    return numbered(flat ? node : node.children.get(name)).map((item, i) => readValue(member, item, `${path}[${i}]`));
  }
  if (schema.isMapSchema()) return readMap(schema, node, path);
  return readSimple(schema, node.value ?? '', path);
}

function readMap(schema: NormalizedSchema, node: FormNode, path: string): object {
  const keyName = (schema.getKeySchema().getMergedTraits().xmlName as string | undefined) ?? 'key';
  const value = schema.getValueSchema();
  const valueName = (value.getMergedTraits().xmlName as string | undefined) ?? 'value';
  const entries: [string, unknown][] = [];
  for (const entry of numbered(schema.getMergedTraits().xmlFlattened ? node : node.children.get('entry'))) {
    const key = entry.children.get(keyName)?.value ?? '';
    entries.push([key, readValue(value, entry.children.get(valueName) ?? newNode(), `${path}.${key}`)]);
  }
  return Object.fromEntries(entries);
}

/** The children `1`, `2`, … in order of their numbers. */
function numbered(node: FormNode | undefined): readonly FormNode[] {
  if (node === undefined) return [];
  return [...node.children]
    .filter(([name]) => /^\d{1,9}$/.test(name))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);
}

function readSimple(schema: NormalizedSchema, text: string, path: string): unknown {
  if (schema.isBooleanSchema()) {
    const lower = text.toLowerCase();
    if (lower !== 'true' && lower !== 'false') throw wrongType(path, 'true or false', `\`${text}\``);
    return lower === 'true';
  }
  if (schema.isNumericSchema()) {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number)) throw wrongType(path, 'a number', `\`${text}\``);
    return number;
  }
  if (schema.isBlobSchema()) return Buffer.from(text, 'base64');
  if (schema.isTimestampSchema()) {
    const at = Date.parse(text);
    if (Number.isNaN(at)) throw wrongType(path, 'a timestamp', `\`${text}\``);
    return new Date(at);
  }
  return text;
}
