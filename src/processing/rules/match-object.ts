import type { WorkflowDefinition, WorkflowTrigger } from '../contract.ts';
import { isVisibleKey } from './visible-key.ts';

const CREATED = 'Object Created';

type EventTrigger = Extract<WorkflowTrigger, { kind: 'event' }>;

/** A workflow that an object starts, and how long it waits for more. */
export interface ObjectMatch {
  readonly workflow: string;
  readonly batchWindowMs: number;
}

/** The rules of all workflows' event triggers, by bucket. */
export interface ObjectRules {
  /**
   * The workflows that an event of this place starts; of several triggers of one the shortest window counts. `type` is
   * its detail type: a trigger that names none is for `Object Created`, bridged or not; others are for bridged ones.
   */
  match(bucket: string, key: string, type: string, bridged: boolean): readonly ObjectMatch[];
  /** Whether a trigger is for anything in the bucket. */
  has(bucket: string): boolean;
  readonly size: number;
}

/**
 * Compiles event triggers into a matcher. **Cost**: a match tries the prefixes of the object's bucket only.
 * Folder markers and names that engines pass over (`_…`, `.…`) start nothing.
 */
export function compileObjectRules(workflows: readonly WorkflowDefinition[]): ObjectRules {
  const byBucket = new Map<string, { readonly workflow: string; readonly trigger: EventTrigger }[]>();
  let size = 0;
  for (const { name, triggers } of workflows) {
    for (const trigger of triggers) {
      if (trigger.kind !== 'event') continue;
      const rules = byBucket.get(trigger.bucket) ?? [];
      rules.push({ workflow: name, trigger });
      byBucket.set(trigger.bucket, rules);
      size++;
    }
  }
  return {
    size,
    has: (bucket) => byBucket.has(bucket),
    match(bucket, key, type, bridged) {
      const rules = byBucket.get(bucket);
      if (rules === undefined) return [];
      const windows = new Map<string, number>();
      for (const { workflow, trigger } of rules) {
        const asked =
          trigger.detailTypes === undefined ? type === CREATED : bridged && trigger.detailTypes.includes(type);
        if (!asked || !key.startsWith(trigger.prefix) || !isVisibleKey(key, trigger.prefix)) continue;
        windows.set(workflow, Math.min(windows.get(workflow) ?? Number.POSITIVE_INFINITY, trigger.batchWindowMs));
      }
      return [...windows].map(([workflow, batchWindowMs]) => ({ workflow, batchWindowMs }));
    },
  };
}
