/**
 * The rules of the house about who imports whom. Each rule says why in its message.
 */
import { posix } from 'node:path';
import { init, parse } from 'es-module-lexer';
import { type Failure, isTest, type SourceFile } from './source-files.ts';

/** Which layers a layer may import (through their `contract.ts`); core is open to all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  metadata: [],
  governance: ['metadata'],
  engines: ['metadata', 'governance'],
  storage: ['metadata', 'engines', 'governance'],
  catalog: ['metadata', 'engines', 'storage', 'governance'],
  processing: ['metadata', 'engines', 'storage', 'catalog', 'governance'],
  ingestion: ['metadata', 'engines', 'storage', 'catalog', 'processing', 'governance'],
  consumption: ['metadata', 'engines', 'storage', 'catalog', 'processing', 'governance'],
  operations: ['metadata', 'engines', 'storage', 'catalog', 'processing', 'ingestion', 'consumption', 'governance'],
};
const LAYERS = Object.keys(MAY_IMPORT);
const ENTRY = ['doors', 'cli', 'platform', 'testing'];

/** Third-party clients that may be imported only inside a leaf, with the folders that are theirs. */
const CLIENTS: Record<string, RegExp> = {
  '@duckdb/node-api': /^src\/engines\/duckdb\//,
  pg: /^src\/(ingestion\/connectors\/postgres|metadata\/postgres)\//,
  mysql2: /^src\/ingestion\/connectors\/mysql\//,
  'mysql2/promise': /^src\/ingestion\/connectors\/mysql\//,
  'pg-copy-streams': /^src\/ingestion\/connectors\/postgres\//,
  'pg-query-stream': /^src\/ingestion\/connectors\/postgres\//,
  avsc: /^src\/storage\/tables\//,
  hyparquet: /^src\/(catalog\/crawlers|storage\/(tables|foreign|stores\/s3))\//,
  'hyparquet-compressors': /^src\/(catalog\/crawlers|storage\/tables)\//,
  '@polyglot-sql/sdk': /^src\/consumption\/queries\//,
  '@peculiar/x509': /^src\/platform\/tls\//,
  'reflect-metadata': /^src\/platform\/tls\//,
  'prom-client': /^src\/governance\/monitoring\//,
  'node:sqlite': /^src\/(metadata\/sqlite|platform)\//,
};

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Static and literal dynamic imports, type-only ones included. */
export function importsOf(file: SourceFile): Import[] {
  const [imports] = parse(file.text);
  const found = imports.flatMap((entry) =>
    typeof entry.specifier === 'string'
      ? [{ specifier: entry.specifier, typeOnly: 'typeOnly' in entry && entry.typeOnly === true }]
      : [],
  );
  for (const match of file.text.matchAll(/import\('([^']+)'\)\.[A-Z]/g)) {
    found.push({ specifier: match[1]!, typeOnly: true });
  }
  return found;
}

const layerOf = (path: string): string => path.split('/')[1] ?? '';

function judge(from: string, target: string): Omit<Failure, 'file'> | undefined {
  const own = layerOf(from);
  const other = layerOf(target);
  if (LAYERS.includes(own)) {
    if (ENTRY.includes(other)) {
      return {
        rule: `a layer imports ${target}`,
        mend: 'nothing imports doors, cli, platform or testing but entry points; take it as a dependency',
      };
    }
    if (other === own || other === 'core') return undefined;
    if (!MAY_IMPORT[own]!.includes(other)) {
      return {
        rule: `${own} imports ${other}, against the direction of the house`,
        mend: `declare a port in ${own}/contract.ts and let platform/compose give it in`,
      };
    }
    // Database threads load the store modules of all layers; the maker functions live in metadata/contract.
    if (target !== `src/${other}/contract.ts`) {
      return {
        rule: `${own} imports the insides of ${other} (${target})`,
        mend: `layers meet only in src/${other}/contract.ts`,
      };
    }
    return undefined;
  }
  if (own === 'doors') {
    const door = (path: string) =>
      path
        .split('/')
        .slice(0, path.startsWith('src/doors/aws/') ? 4 : 3)
        .join('/');
    if (other === 'doors') {
      const shared =
        target.startsWith('src/doors/kit/') ||
        /^src\/doors\/aws\/[^/]+\.ts$/.test(target) ||
        target.startsWith('src/doors/aws/protocols/');
      if (shared || door(from) === door(target)) return undefined;
      return { rule: `a door imports another door (${target})`, mend: 'what doors share lives in src/doors/kit/' };
    }
    if (other === 'core' || /^src\/[a-z]+\/contract\.ts$/.test(target)) return undefined;
    if (LAYERS.includes(other))
      return {
        rule: `a door imports the insides of ${other} (${target})`,
        mend: `use the types of src/${other}/contract.ts and take the use-cases as a dependency`,
      };
    return { rule: `a door imports ${other}`, mend: 'doors are given what they need by platform/compose' };
  }
  return undefined;
}

function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (node: string, trail: string[]) => {
    if (state.get(node) === 'done') return;
    if (state.get(node) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(node)), node]);
      return;
    }
    state.set(node, 'open');
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    state.set(node, 'done');
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}

export async function checkBoundaries(files: readonly SourceFile[]): Promise<Failure[]> {
  await init();
  const failures: Failure[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    if (isTest(file.path) || file.path.startsWith('src/testing/')) continue;
    for (const { specifier, typeOnly } of importsOf(file)) {
      if (specifier.startsWith('.')) {
        const target = posix.join(posix.dirname(file.path), specifier);
        if (!typeOnly) graph.set(file.path, [...(graph.get(file.path) ?? []), target]);
        const verdict = judge(file.path, target);
        if (verdict !== undefined) failures.push({ file: file.path, ...verdict });
        continue;
      }
      const client = Object.keys(CLIENTS).find((name) => specifier === name || specifier.startsWith(`${name}/`));
      if (client !== undefined && !CLIENTS[client]!.test(file.path)) {
        failures.push({
          file: file.path,
          rule: `imports the client ${specifier} outside its leaf (${CLIENTS[client]!.source})`,
          mend: 'third-party clients are imported only inside a leaf; go through the contract',
        });
      }
    }
  }
  for (const cycle of findCycles(graph)) {
    failures.push({
      file: cycle[0]!,
      rule: `imports itself in a circle: ${cycle.join(' → ')}`,
      mend: 'move what both need to a file of its own',
    });
  }
  for (const layer of LAYERS.filter((name) => name !== 'core')) {
    if (!files.some((file) => file.path === `src/${layer}/contract.ts`)) {
      failures.push({
        file: `src/${layer}`,
        rule: 'has no contract.ts',
        mend: 'a layer states its types and ports in contract.ts',
      });
    }
  }
  return failures;
}
