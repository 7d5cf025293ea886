import type { MetadataStore } from '../../metadata/contract.ts';
import type { ChainState, Trail } from './contract.ts';
import auditModule from './store.ts';

const STEP = 2_000;

async function walk(store: MetadataStore, stream: 'management' | 'data'): Promise<ChainState> {
  let events = 0;
  let position: { after: number; hash: string } | undefined;
  for (;;) {
    const step = await store.read(auditModule.procedures.verify, { stream, limit: STEP, ...position });
    events += step.checked;
    if (step.brokenAt !== undefined) return { events, head: step.head, brokenAt: step.brokenAt };
    if (step.checked < STEP) return { events, head: step.head };
    position = { after: step.after, hash: step.hash };
  }
}

/** The use-case that recomputes both hash chains from the oldest kept event. **Cost**: reads every event. */
export function verifyChain(store: MetadataStore): Trail['verify'] {
  return async () => ({ management: await walk(store, 'management'), data: await walk(store, 'data') });
}
