import { sqlName } from '../../core/sql-text.ts';

interface Node {
  id?: number;
  readonly children: Map<string, Node>;
}

/**
 * DuckDB's FIELD_IDS option for ids by column path (`{ a: 1, s: 2, 's.x': 3, 'l.element': 5 }`).
 * A path is split at its longest known prefix, so that a column name may hold a dot.
 */
export function fieldIdsOption(ids: Readonly<Record<string, number>>): string {
  const root: Node = { children: new Map() };
  const nodes = new Map<string, Node>();
  for (const path of Object.keys(ids).sort((a, b) => a.length - b.length)) {
    let cut = path.lastIndexOf('.');
    while (cut > 0 && !nodes.has(path.slice(0, cut))) cut = path.lastIndexOf('.', cut - 1);
    const parent = cut > 0 ? nodes.get(path.slice(0, cut))! : root;
    const node: Node = { id: ids[path]!, children: new Map() };
    parent.children.set(cut > 0 ? path.slice(cut + 1) : path, node);
    nodes.set(path, node);
  }
  return structOf(root);
}

function structOf(node: Node): string {
  const parts = [...node.children].map(([name, child]) => {
    const value = child.children.size === 0 ? String(child.id) : structOf(child);
    return `${sqlName(name)}: ${value}`;
  });
  if (node.id !== undefined) parts.unshift(`__duckdb_field_id: ${node.id}`);
  return `{${parts.join(', ')}}`;
}

/** `"s"."x"` as the engine names a column in its statistics → `s.x`. */
export function unquotePath(path: string): string {
  const parts = path.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [path];
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part)).join('.');
}
