import dagre from '@dagrejs/dagre';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Edge, type Node, Position, ReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo, useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

interface LineageNode {
  readonly id: string;
  readonly kind: 'table' | 'objects' | 'dataset' | 'query' | 'restricted';
  readonly name: string;
  readonly statement?: string;
  readonly distance: number;
}

interface LineageEdge {
  readonly from: string;
  readonly to: string;
  readonly job: string;
  readonly at: number;
  readonly columnLevel: boolean;
  readonly columns: readonly { readonly from: string; readonly to: string }[];
}

interface LineageGraph {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
  readonly more: boolean;
}

const NODE = { width: 220, height: 46 };
const DEPTHS = [1, 2, 3, 5, 10];
const DAY_MS = 86_400_000;

/** What the table was made of and what was made of it; the same as a list below the picture. */
export default function LineageTab({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const [depth, setDepth] = useState(3);
  const [day, setDay] = useState('');
  const end = day === '' ? undefined : Date.parse(day) + DAY_MS - 1;
  const lineage = useQuery({
    queryKey: ['lineage', name, depth, end],
    queryFn: () =>
      api.get<LineageGraph>(
        end === undefined
          ? at`/tables/${name.database}/${name.table}/lineage?depth=${depth}`
          : at`/tables/${name.database}/${name.table}/lineage?depth=${depth}&asOf=${end}`,
      ),
  });
  if (lineage.error) return <Failure error={lineage.error} />;
  if (lineage.isPending) return <p className="empty">Loading …</p>;
  const { nodes, edges, more } = lineage.data;
  return (
    <>
      <div className="spread">
        <p className="sub">
          {nodes.length} {nodes.length === 1 ? 'thing' : 'things'} within {depth} {depth === 1 ? 'step' : 'steps'}
          {more && '; there are more beyond'}
          {nodes.some((node) => node.kind === 'restricted') && '; what you may not see is shown as restricted'}
        </p>
        <span className="spread">
          <label className="field">
            As of the end of
            <input type="date" value={day} onChange={(event) => setDay(event.target.value)} />
          </label>
          <label className="field">
            Steps
            <select value={depth} onChange={(event) => setDepth(Number(event.target.value))}>
              {DEPTHS.map((steps) => (
                <option key={steps}>{steps}</option>
              ))}
            </select>
          </label>
        </span>
      </div>
      {edges.length === 0 ? (
        <p className="empty">
          {day === ''
            ? 'Nothing is known of where this table comes from or goes to. Queries, jobs, loads and crawlers of Loch tell it by themselves; other programs can by OpenLineage: POST /api/v1/lineage.'
            : `Nothing was known of this table at the end of ${day} (UTC).`}
        </p>
      ) : (
        <Drawn graph={lineage.data} />
      )}
      <Impact name={name} />
    </>
  );
}

function Drawn({ graph }: { readonly graph: LineageGraph }) {
  const { nodes, edges } = graph;
  const named = new Map(nodes.map((node) => [node.id, node]));
  return (
    <>
      <Picture graph={graph} />
      <Rows
        rows={edges}
        keyOf={(edge) => `${edge.from} ${edge.to} ${edge.job}`}
        empty=""
        columns={[
          { title: 'From', cell: (edge) => <End node={named.get(edge.from)} /> },
          { title: 'To', cell: (edge) => <End node={named.get(edge.to)} /> },
          { title: 'By', cell: (edge) => edge.job || '–' },
          {
            title: 'Columns',
            cell: (edge) => (
              <span className="mono">
                {edge.columnLevel
                  ? edge.columns.map(({ from, to }) => (from === to ? from : `${from} → ${to}`)).join(', ') || '–'
                  : 'partial: tables only'}
              </span>
            ),
          },
          { title: 'Last run', cell: (edge) => when(edge.at) },
        ]}
      />
    </>
  );
}

interface Consumer {
  readonly kind: LineageNode['kind'];
  readonly name: string;
  readonly statement?: string;
  readonly distance: number;
  readonly columns: readonly string[];
  readonly certain: boolean;
  readonly lastAt: number;
}

/** Whom a change of the table, or the loss of one of its columns, would touch. */
function Impact({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const [column, setColumn] = useState('');
  const table = useQuery({
    queryKey: ['table', name.database, name.table, 'columns'],
    queryFn: () =>
      api.get<{ readonly table: { readonly columns: readonly { readonly name: string }[] } }>(
        at`/tables/${name.database}/${name.table}`,
      ),
  });
  const impact = useQuery({
    queryKey: ['impact', name, column],
    queryFn: () =>
      api.get<{ readonly consumers: readonly Consumer[]; readonly more: boolean }>(
        column === ''
          ? at`/tables/${name.database}/${name.table}/impact`
          : at`/tables/${name.database}/${name.table}/impact?column=${column}`,
      ),
  });
  return (
    <section>
      <div className="spread">
        <h2>Who would feel a change</h2>
        <label className="field">
          Loss of
          <select value={column} onChange={(event) => setColumn(event.target.value)}>
            <option value="">the whole table</option>
            {table.data?.table.columns.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
      </div>
      {impact.error ? (
        <Failure error={impact.error} />
      ) : impact.isPending ? (
        <p className="empty">Loading …</p>
      ) : (
        <Rows
          rows={impact.data.consumers.map((consumer, i) => ({ ...consumer, id: String(i) }))}
          keyOf={(consumer) => consumer.id}
          empty="Nobody is known to read it. Engines outside of Loch are known only if they tell by OpenLineage."
          columns={[
            { title: 'Consumer', cell: (consumer) => <End node={consumer} /> },
            { title: 'Steps', cell: (consumer) => consumer.distance },
            {
              title: 'Columns',
              cell: (consumer) => <span className="mono">{consumer.columns.join(', ') || '–'}</span>,
            },
            { title: 'Known', cell: (consumer) => (consumer.certain ? 'for sure' : 'by tables only') },
            { title: 'Last run', cell: (consumer) => when(consumer.lastAt) },
          ]}
        />
      )}
    </section>
  );
}

function End({ node }: { readonly node: Pick<LineageNode, 'kind' | 'name' | 'statement'> | undefined }) {
  if (node === undefined || node.kind === 'restricted') return <span className="sub">restricted</span>;
  const dot = node.name.indexOf('.');
  if (node.kind === 'query') return <span title={node.statement}>{node.name}</span>;
  if (node.kind !== 'table') return <span className="mono">{node.name}</span>;
  return (
    <Link
      to="/catalog/$database/$table"
      params={{ database: node.name.slice(0, dot), table: node.name.slice(dot + 1) }}
    >
      {node.name}
    </Link>
  );
}

const KINDS = {
  table: 'table',
  objects: 'files',
  dataset: 'elsewhere',
  query: 'query',
  restricted: 'you may not see it',
} as const;

function Picture({ graph }: { readonly graph: LineageGraph }) {
  const { nodes, edges } = useMemo(() => layOut(graph), [graph]);
  return (
    <div className="graph" role="img" aria-label="Lineage graph; its edges are listed below">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        fitView
        fitViewOptions={{ maxZoom: 1 }}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        proOptions={{ hideAttribution: true }}
      />
    </div>
  );
}

const shortName = (name: string) => (name.length > 34 ? `…${name.slice(-33)}` : name);

function layOut(lineage: LineageGraph): { nodes: Node[]; edges: Edge[] } {
  const graph = new dagre.graphlib.Graph()
    .setGraph({ rankdir: 'LR', nodesep: 16, ranksep: 60 })
    .setDefaultEdgeLabel(() => ({}));
  for (const node of lineage.nodes) graph.setNode(node.id, { ...NODE });
  for (const edge of lineage.edges) graph.setEdge(edge.from, edge.to);
  dagre.layout(graph);
  const nodes = lineage.nodes.map((node): Node => {
    const { x, y } = graph.node(node.id);
    const restricted = node.kind === 'restricted';
    return {
      id: node.id,
      position: { x: x - NODE.width / 2, y: y - NODE.height / 2 },
      sourcePosition: Position.Right,
      targetPosition: Position.Left,
      data: { label: `${restricted ? 'restricted' : shortName(node.name)}\n${KINDS[node.kind]}` },
      style: {
        ...NODE,
        padding: 4,
        whiteSpace: 'pre-line',
        fontSize: 12,
        background: restricted ? 'var(--back)' : 'var(--paper)',
        color: restricted ? 'var(--soft)' : 'var(--ink)',
        border: `${node.distance === 0 ? 3 : 1}px ${restricted ? 'dashed' : 'solid'} ${node.distance === 0 ? 'var(--water)' : 'var(--line)'}`,
        borderRadius: 8,
      },
    };
  });
  const edges = lineage.edges.map(
    (edge): Edge => ({ id: `${edge.from} ${edge.to} ${edge.job}`, source: edge.from, target: edge.to }),
  );
  return { nodes, edges };
}
