/**
 * Several changes of one table as one metadata file and one swap of the pointer: each staged upon the one before it,
 * each a snapshot of its own, each answered on its own.
 *
 * Invariants
 * - One group at a time for each table in this process; other writers are met by retry with jittered waits.
 * - Nobody is answered before the group is through: a change that was refused for what another of the group does is
 *   refused only if that really happened. A group that cannot commit as one is taken apart.
 * - Files of an attempt that certainly did not commit are removed; those of an unknown one are never touched.
 */
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StagedCommit } from '../../storage/contract.ts';
import type { CommitOutcome } from '../contract.ts';
import {
  type Attempt,
  type CommitBase,
  type IcebergParts,
  readBase,
  removeForgotten,
  type WaitingChange,
} from './commit.ts';
import type { Member } from './commit-queue.ts';
import { retryLimits, retryWait } from './retry-wait.ts';
import { swapPointerForAll } from './swap-pointer.ts';

type Waiting = Member<WaitingChange>;

/** What became of each change when it was staged upon those before it. */
type Turn =
  | { readonly member: Waiting; readonly kind: 'staged'; readonly made: Attempt }
  | { readonly member: Waiting; readonly kind: 'unchanged'; readonly base: CommitBase }
  | { readonly member: Waiting; readonly kind: 'refused'; readonly error: unknown };

type Staged = Extract<Turn, { kind: 'staged' }>;

/** Commits what can be of a group and answers each of its members. Never rejects for a failure of theirs. */
export async function commitGroup(parts: IcebergParts, name: TableName, members: readonly Waiting[]): Promise<void> {
  const startedAt = parts.clock.now();
  let lost: ReadonlyMap<Waiting, StagedCommit> = new Map();
  let waiting = members;
  for (let attempt = 0; ; attempt++) {
    waiting = wanted(parts, name, waiting, lost);
    if (waiting.length === 0) return;
    let turns: readonly Turn[] = [];
    let base: CommitBase | undefined;
    try {
      base = await readBase(parts, waiting[0]!.change.context, name);
      turns = await stageAll(parts, base, waiting, lost);
      await commitTurns(parts, base, turns);
      return;
    } catch (error) {
      const staged = turns.filter((turn) => turn.kind === 'staged');
      if (isLochError(error, 'commit_state_unknown')) return reject(waiting, error);
      if (base !== undefined && mayRetry(parts, base, error, attempt, startedAt)) {
        lost = new Map(staged.map(({ member, made }) => [member, made.staged]));
        const { signal } = waiting[0]!.change.context;
        await parts.sleep(retryWait(retryLimits(base.metadata), attempt, parts.random), signal);
        continue;
      }
      await Promise.all(staged.map(({ made }) => parts.tables.discard(made.staged)));
      if (waiting.length === 1) return reject(waiting, error);
    }
    // What one of them brought about must not be the others' failure.
    for (const member of waiting) await commitGroup(parts, name, [member]);
    return;
  }
}

function reject(members: readonly Waiting[], error: unknown): void {
  for (const member of members) member.reject(error);
}

function mayRetry(parts: IcebergParts, base: CommitBase, error: unknown, attempt: number, startedAt: number): boolean {
  const limits = retryLimits(base.metadata);
  const waited = parts.clock.now() - startedAt;
  return isLochError(error, 'commit_conflict') && attempt < limits.retries && waited <= limits.totalMs;
}

/** Those that still want to commit; the others are told, and their files removed. */
function wanted(
  parts: IcebergParts,
  name: TableName,
  members: readonly Waiting[],
  lost: ReadonlyMap<Waiting, StagedCommit>,
): readonly Waiting[] {
  return members.filter((member) => {
    const { signal } = member.change.context;
    if (!signal.aborted) return true;
    const files = lost.get(member);
    if (files !== undefined) void parts.tables.discard(files);
    member.reject(
      new LochError('statement_cancelled', `The commit to \`${name.database}.${name.table}\` was cancelled.`, {
        cause: signal.reason,
      }),
    );
    return false;
  });
}

/** Each change upon the metadata that those before it leave behind. */
async function stageAll(
  parts: IcebergParts,
  base: CommitBase,
  members: readonly Waiting[],
  lost: ReadonlyMap<Waiting, StagedCommit>,
): Promise<readonly Turn[]> {
  const turns: Turn[] = [];
  let now = base;
  for (const member of members) {
    const before = lost.get(member);
    const turn = await stageOne(member, now, before);
    turns.push(turn);
    if (before !== undefined) await parts.tables.discard(before, turn.kind === 'staged' ? turn.made.staged : undefined);
    if (turn.kind !== 'staged') continue;
    now = {
      ...now,
      metadata: turn.made.staged.metadata,
      record: { ...now.record, version: now.record.version + 1 },
    };
  }
  return turns;
}

async function stageOne(member: Waiting, base: CommitBase, before: StagedCommit | undefined): Promise<Turn> {
  try {
    const made = await member.change.stage(base, before);
    return made === undefined ? { member, kind: 'unchanged', base } : { member, kind: 'staged', made };
  } catch (error) {
    return { member, kind: 'refused', error };
  }
}

async function commitTurns(parts: IcebergParts, base: CommitBase, turns: readonly Turn[]): Promise<void> {
  const staged = turns.filter((turn) => turn.kind === 'staged');
  const outcomes = new Map<Waiting, CommitOutcome>();
  let at: Pick<CommitOutcome, 'metadataLocation' | 'version'> = {
    metadataLocation: base.location,
    version: base.record.version,
  };
  if (staged.length > 0) {
    const answers = await writeAndSwap(parts, base, staged);
    for (const [i, { member }] of staged.entries()) outcomes.set(member, answers[i]!);
    at = answers.at(-1)!;
  }
  for (const turn of turns) {
    if (turn.kind === 'staged') turn.member.resolve(outcomes.get(turn.member)!);
    else if (turn.kind === 'refused') turn.member.reject(turn.error);
    else {
      const snapshotId = turn.base.metadata['current-snapshot-id'] ?? '';
      turn.member.resolve({ ...at, snapshotId, repeated: false });
    }
  }
}

async function writeAndSwap(
  parts: IcebergParts,
  base: CommitBase,
  staged: readonly Staged[],
): Promise<readonly CommitOutcome[]> {
  const { metadata } = staged.at(-1)!.made.staged;
  const file = await writeAll(parts, base, staged);
  const swaps = staged.map(({ member, made }) => ({
    ...made,
    record: base.record,
    staged: { ...made.staged, metadataLocation: file.metadataLocation! },
    runId: member.change.runId,
    context: member.change.context,
  }));
  try {
    // ---- commit point: before it nobody sees any of the changes, after it everybody sees all of them ----
    const outcomes = await swapPointerForAll(parts, swaps);
    if (outcomes[0]!.repeated) {
      await Promise.all([file, ...staged.map(({ made }) => made.staged)].map((files) => parts.tables.discard(files)));
    } else removeForgotten(parts, base.metadata, { ...metadata, 'metadata-log': file.metadata['metadata-log'] });
    return outcomes;
  } catch (error) {
    if (!isLochError(error, 'commit_state_unknown')) await parts.tables.discard(file);
    throw error;
  }
}

/** Manifests and the one metadata file in one round. **Errors**: the first that failed; the metadata file is gone then. */
async function writeAll(parts: IcebergParts, base: CommitBase, staged: readonly Staged[]): Promise<StagedCommit> {
  const { metadata } = staged.at(-1)!.made.staged;
  const options = { version: base.version, baseLocation: base.location };
  const [file, ...others] = await Promise.allSettled([
    parts.tables.stageMetadata(base.metadata, metadata, options),
    ...staged.map(({ made }) => made.staged.durable),
  ]);
  const failed = [file, ...others].find((outcome) => outcome.status === 'rejected');
  if (failed === undefined && file.status === 'fulfilled') return file.value;
  if (file.status === 'fulfilled') await parts.tables.discard(file.value);
  throw failed!.reason;
}
