/**
 * Who owns the remote place. One lake at a time writes below a prefix: two would sweep each other's objects away.
 *
 * Invariants
 * - `claim.json` names the lake by its id and the start that owns it. It changes by conditional write alone, so of two
 *   starts one wins and the other is refused or, later, finds that it lost.
 * - Nothing is removed from the remote store unless the claim was seen to be ours just before.
 */
import { LochError } from '../../../core/errors.ts';
import type { RemoteObjects } from './remote-objects.ts';

const NAME = 'claim.json';

interface ClaimText {
  readonly format: 1;
  readonly store: string;
  readonly start: string;
}

/** The claim of this start. */
export interface Claim {
  /** Whether the service decides between two writers; if not, the claim is only looked at. */
  readonly conditional: boolean;
  /** **Errors**: `conflict` when another start, as of a restored copy of this lake, has taken the place over. */
  assertHeld(): Promise<void>;
}

/**
 * Takes the place for a lake. A lake that has objects finds its claim there, or it is not the place of its objects.
 * **Errors**: `conflict` when it is another lake's; `configuration` when it is nobody's and should be ours; `unavailable`.
 */
export async function takeClaim(
  remote: RemoteObjects,
  { store, start, begins }: { readonly store: string; readonly start: string; readonly begins: boolean },
): Promise<Claim> {
  const text = Buffer.from(JSON.stringify({ format: 1, store, start } satisfies ClaimText));
  const found = await remote.getSmall(NAME);
  if (found !== undefined) assertOwn(remote, found.bytes, store);
  else if (!begins) {
    throw new LochError(
      'configuration',
      `The objects of this lake are not at this place of the remote store ${remote.endpoint}. Check \`${remote.settings}.endpoint\`, \`${remote.settings}.bucket\` and \`${remote.settings}.prefix\`.`,
      { context: { setting: `${remote.settings}.bucket` } },
    );
  }
  const conditional = await keepsConditions(remote, `probe-${start}`);
  if (conditional) await write(remote, text, found?.etag, store);
  else await remote.put(NAME, text);
  return {
    conditional,
    async assertHeld() {
      const now = await remote.getSmall(NAME);
      const holder = now === undefined ? undefined : parse(remote, now.bytes).start;
      if (holder === start) return;
      throw new LochError(
        'conflict',
        `The remote store ${remote.endpoint} was taken over by another start of this lake. Stop one of them: a copy of a lake may not use the same \`${remote.settings}.prefix\`.`,
        { context: { endpoint: remote.endpoint } },
      );
    },
  };
}

async function write(remote: RemoteObjects, text: Buffer, etag: string | undefined, store: string): Promise<void> {
  if ((await remote.putIf(NAME, text, etag)) !== undefined) return;
  const winner = await remote.getSmall(NAME);
  if (winner !== undefined) assertOwn(remote, winner.bytes, store);
  throw new LochError(
    'conflict',
    `Another start took the remote store ${remote.endpoint} at the same moment. Start this lake once.`,
    { context: { endpoint: remote.endpoint } },
  );
}

/** Some services do not know conditional writes, and some take the condition and do not keep it. */
async function keepsConditions(remote: RemoteObjects, name: string): Promise<boolean> {
  await remote.put(name, Buffer.from('probe'));
  try {
    return (await remote.putIf(name, Buffer.from('again'), undefined)) === undefined;
  } finally {
    await remote.remove(name);
  }
}

function assertOwn(remote: RemoteObjects, bytes: Uint8Array, store: string): void {
  if (parse(remote, bytes).store === store) return;
  throw new LochError(
    'conflict',
    `The place in the remote store ${remote.endpoint} belongs to another lake. Choose another \`${remote.settings}.prefix\` or bucket.`,
    { context: { endpoint: remote.endpoint } },
  );
}

function parse(remote: RemoteObjects, bytes: Uint8Array): ClaimText {
  try {
    const claim = JSON.parse(Buffer.from(bytes).toString('utf8')) as ClaimText;
    if (claim.format === 1) return claim;
  } catch (cause) {
    throw unreadable(remote, cause);
  }
  throw unreadable(remote);
}

const unreadable = (remote: RemoteObjects, cause?: unknown) =>
  new LochError(
    'data_corrupt',
    `${NAME} in the remote store ${remote.endpoint} is not what a lake writes. See who else writes there.`,
    { context: { endpoint: remote.endpoint }, cause },
  );
