/** DuckDB's type texts as a tree: `STRUCT(a INTEGER, "b c" VARCHAR[])`, `MAP(VARCHAR, DECIMAL(12,2))`. */
export type EngineType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'list'; readonly element: EngineType }
  | { readonly kind: 'struct'; readonly fields: readonly { readonly name: string; readonly type: EngineType }[] }
  | { readonly kind: 'map'; readonly key: EngineType; readonly value: EngineType };

/** Parses a type text of the engine. What it does not know is a scalar of that name. **Cost**: linear. */
export function parseEngineType(text: string): EngineType {
  const trimmed = text.trim();
  const list = /^([\s\S]*)\[\d*\]$/.exec(trimmed);
  if (list !== null) return { kind: 'list', element: parseEngineType(list[1]!) };
  const nested = /^(STRUCT|MAP)\(([\s\S]*)\)$/.exec(trimmed);
  if (nested === null) return { kind: 'scalar', name: trimmed };
  const parts = splitTopLevel(nested[2]!);
  if (nested[1] === 'MAP') {
    return { kind: 'map', key: parseEngineType(parts[0] ?? ''), value: parseEngineType(parts[1] ?? '') };
  }
  return { kind: 'struct', fields: parts.map(parseField) };
}

function parseField(text: string): { name: string; type: EngineType } {
  const match = /^\s*(?:"((?:[^"]|"")*)"|(\S+))\s+([\s\S]+)$/.exec(text);
  const name = match?.[1]?.replaceAll('""', '"') ?? match?.[2] ?? '';
  return { name, type: parseEngineType(match?.[3] ?? 'VARCHAR') };
}

/** Splits at commas outside parentheses and quoted names. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'") {
      i = text.indexOf(c, i + 1);
      if (i < 0) break;
    } else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
