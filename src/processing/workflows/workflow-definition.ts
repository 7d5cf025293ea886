import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import { BRIDGE_DETAIL_TYPES } from '../../storage/contract.ts';
import type { WorkflowDefinition } from '../contract.ts';
import { assertName } from '../jobs/job-definition.ts';

const MAX_NODES = 100;
const MAX_RETRIES = 10;
const MAX_WINDOW_MS = 900_000;

const refuse = (message: string) => new LochError('invalid_argument', message);

/** Checks names, dependencies (known, without a cycle) and triggers. **Errors**: `invalid_argument` naming the node. */
export function assertWorkflowDefinition(definition: WorkflowDefinition): void {
  assertName('workflow', definition.name);
  const { nodes, triggers } = definition;
  if (nodes.length === 0) throw refuse('A workflow needs at least one node.');
  if (nodes.length > MAX_NODES)
    throw refuse(`The workflow has ${nodes.length} nodes; at most ${MAX_NODES} are allowed.`);
  const names = nodes.map((node) => node.name);
  for (const [i, node] of nodes.entries()) {
    if (node.name === '') throw refuse(`Node ${i + 1} has no name.`);
    if (names.indexOf(node.name) !== i) throw refuse(`The node \`${node.name}\` is defined twice.`);
    const runs = node.kind === 'job' ? node.job : node.crawler;
    if (!runs) throw refuse(`The node \`${node.name}\` names no ${node.kind}.`);
    const retries = node.retries ?? 0;
    if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
      throw refuse(`The node \`${node.name}\` has ${retries} retries. Give a whole number from 0 to ${MAX_RETRIES}.`);
    }
    for (const before of node.after) {
      if (names.includes(before)) continue;
      const near = nearestNames(before, names);
      throw refuse(
        `The node \`${node.name}\` comes after \`${before}\`, which is no node. ${near.length > 0 ? `Did you mean ${near.join(', ')}?` : `Nodes: ${names.join(', ')}.`}`,
      );
    }
  }
  assertNoCycle(definition);
  for (const trigger of triggers) {
    if (trigger.kind === 'on_demand') continue;
    if (trigger.bucket === '') throw refuse('An event trigger names no bucket.');
    if (!(trigger.batchWindowMs >= 0 && trigger.batchWindowMs <= MAX_WINDOW_MS)) {
      throw refuse(`\`batchWindowMs\` is ${trigger.batchWindowMs}. Give 0 to ${MAX_WINDOW_MS}.`);
    }
    const unknown = trigger.detailTypes?.find((type) => !BRIDGE_DETAIL_TYPES.includes(type));
    if (unknown !== undefined) {
      throw refuse(`S3 has no event \`${unknown}\`. Known: ${BRIDGE_DETAIL_TYPES.join(', ')}.`);
    }
  }
}

function assertNoCycle({ nodes }: WorkflowDefinition): void {
  const after = new Map(nodes.map((node) => [node.name, node.after]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (done.has(name)) return;
    if (path.includes(name)) {
      throw refuse(`The nodes wait for each other: ${[...path.slice(path.indexOf(name)), name].join(' → ')}.`);
    }
    for (const before of after.get(name)!) visit(before, [...path, name]);
    done.add(name);
  };
  for (const { name } of nodes) visit(name, []);
}
