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
  readonly kind: 'table' | 'objects' | 'dataset' | 'restricted';
  readonly name: string;
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

/** What the table was made of and what was made of it; the same as a list below the picture. */
export default function LineageTab({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const [depth, setDepth] = useState(3);
  const lineage = useQuery({
    queryKey: ['lineage', name, depth],
    queryFn: () => api.get<LineageGraph>(at`/tables/${name.database}/${name.table}/lineage?depth=${depth}`),
  });
  if (lineage.error) return <Failure error={lineage.error} />;
  if (lineage.isPending) return <p className="empty">Loading …</p>;
  const { nodes, edges, more } = lineage.data;
  const named = new Map(nodes.map((node) => [node.id, node]));
  if (edges.length === 0) {
    return (
      <p className="empty">
        Nothing is known of where this table comes from or goes to. Jobs, loads and crawlers of Loch tell it by
        themselves; other programs can by OpenLineage: POST /api/v1/lineage.
      </p>
    );
  }
  return (
    <>
      <div className="spread">
        <p className="sub">
          {nodes.length} things within {depth} {depth === 1 ? 'step' : 'steps'}
          {more && '; there are more beyond'}
          {nodes.some((node) => node.kind === 'restricted') && '; what you may not see is shown as restricted'}
        </p>
        <label className="field">
          Steps
          <select value={depth} onChange={(event) => setDepth(Number(event.target.value))}>
            {DEPTHS.map((steps) => (
              <option key={steps}>{steps}</option>
            ))}
          </select>
        </label>
      </div>
      <Picture graph={lineage.data} />
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
                  : 'tables only'}
              </span>
            ),
          },
          { title: 'Last run', cell: (edge) => when(edge.at) },
        ]}
      />
    </>
  );
}

function End({ node }: { readonly node: LineageNode | undefined }) {
  if (node === undefined || node.kind === 'restricted') return <span className="sub">restricted</span>;
  const dot = node.name.indexOf('.');
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

const KINDS = { table: 'table', objects: 'files', dataset: 'elsewhere', restricted: 'you may not see it' } as const;

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
