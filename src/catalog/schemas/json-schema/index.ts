import { LochError } from '../../../core/errors.ts';
import type { CatalogColumn } from '../../contract.ts';
import { hiveField, type ParsedSchema, stableJson } from '../parsed-schema.ts';
import { jsonProblems } from './compatible.ts';
import { JsonDocument, type JsonNode } from './parse.ts';

interface JsonSchema extends ParsedSchema {
  readonly document: JsonDocument;
}

/** A JSON Schema. **Errors**: `invalid_argument` naming the place; `unsupported` for references out of the document. */
export function jsonSchema(definition: string): ParsedSchema {
  const document = new JsonDocument(definition);
  const schema: JsonSchema = {
    document,
    canonical: stableJson(document.root),
    tree: document.root,
    problems: (writer) => jsonProblems(document, (writer as JsonSchema).document),
    columns: () => columnsOf(document),
  };
  return schema;
}

function columnsOf(document: JsonDocument): readonly CatalogColumn[] {
  const root = document.resolve(document.root);
  const properties = typeof root === 'boolean' ? undefined : (root.properties as Readonly<Record<string, JsonNode>>);
  if (properties === undefined) {
    throw new LochError('invalid_argument', 'A table needs a schema with `properties`; this JSON Schema has none.');
  }
  return Object.entries(properties).map(([name, node]) => {
    const schema = document.resolve(node);
    const description = typeof schema === 'boolean' ? undefined : schema.description;
    return {
      name: name.toLowerCase(),
      type: hiveType(document, node, 0),
      ...(typeof description === 'string' ? { comment: description.slice(0, 255) } : {}),
    };
  });
}

/** Hive's type; text for what may be of several. */
function hiveType(document: JsonDocument, node: JsonNode, depth: number): string {
  const schema = document.resolve(node);
  if (typeof schema === 'boolean' || depth > 20) return 'string';
  const branches = ((schema.anyOf ?? schema.oneOf) as readonly JsonNode[] | undefined)?.filter((branch) => {
    const one = document.resolve(branch);
    return typeof one === 'boolean' || one.type !== 'null';
  });
  if (branches?.length === 1) return hiveType(document, branches[0]!, depth + 1);
  const types = ([schema.type ?? []].flat() as string[]).filter((type) => type !== 'null');
  if (types.length === 2 && types.includes('integer') && types.includes('number')) return 'double';
  if (types.length !== 1) return 'string';
  switch (types[0]) {
    case 'boolean':
      return 'boolean';
    case 'integer':
      return 'bigint';
    case 'number':
      return 'double';
    case 'string':
      return schema.format === 'date' ? 'date' : schema.format === 'date-time' ? 'timestamp' : 'string';
    case 'array': {
      const { items } = schema;
      return `array<${items === undefined || Array.isArray(items) ? 'string' : hiveType(document, items as JsonNode, depth + 1)}>`;
    }
    case 'object': {
      const fields = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonNode>>);
      if (fields.length > 0) {
        return `struct<${fields.map(([name, inner]) => hiveField(name, hiveType(document, inner, depth + 1))).join(',')}>`;
      }
      const others = schema.additionalProperties as JsonNode | undefined;
      return `map<string,${others === undefined || typeof others === 'boolean' ? 'string' : hiveType(document, others, depth + 1)}>`;
    }
    default:
      return 'string';
  }
}
